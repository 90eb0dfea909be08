"""`make bench-web`: what the pages of a hub with 100,000 devices cost who waits for them, and who runs it.

A hub is made with all that makes pages large, and served; everybody who looks has signed in. Every page is asked for
again and again, until its first byte is there, and once to its end; a list for its first page and one far behind. Then
pages are kept open live. Prints a table for people and ends with one line of JSON for machines.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.asked import Marks, find_marks
from benchmarks.made_hub import make_hub
from benchmarks.made_people import STAFF, let_in
from benchmarks.web_asking import TIMEOUT_SECONDS, UNANSWERED, Measured, Wanted, ask, keep_open, measure, memory_mb
from benchmarks.web_pages import page_routes, pages_at, refuse_forgotten
from hub.store.database import look_into, open_database
from simulators.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.asked import Pages

DEVICES = 100_000
TABS = 500
LIMIT_MS, LIMIT_KB, LIMIT_MB = 200, 60, 100
FILE_LIMIT_MS = 1_000
"""Of a file to be saved: the signed chain of a year is drawn up whole before its first byte."""
PIPED_WIDTH = 120
STARTS_SECONDS = 300.0
SETTLE_SECONDS = 5
_LIKE_ROWS_BYTES = 1_000


def main() -> None:
    """Make the hub, serve it, ask for its pages, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--folder", type=Path, help="where the hub is made (default: a temporary folder)")
    parser.add_argument("--keep", type=Path, help="make the hub in this folder and keep it, or take the one there")
    parser.add_argument("--only", default="", help="only pages whose route contains this")
    arguments = parser.parse_args()
    refusal = refuse_forgotten([route.path for route in page_routes()], pages_at(Marks(arguments.devices)))
    if refusal is not None:
        sys.exit(refusal)
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as made:
        folder = arguments.keep or Path(made) / "hub"
        if not folder.exists():
            console.print(f"Making a hub of {arguments.devices:,} devices ...")
            make_hub(folder, arguments.devices)
        measured, live = _serve(folder, arguments.devices, arguments.only, console)
    _show(console, measured, live)
    over = [one.named for one in measured if _over(one)]
    told = [one.told() for one in measured]
    sys.stdout.write(json.dumps({"devices": arguments.devices, "pages": told, "live": live, "over": over}) + "\n")


def _serve(folder: Path, devices: int, only: str, console: Console) -> tuple[list[Measured], dict[str, float]]:
    """Serve the hub in `folder` and return what its pages took, and the live ones."""
    database = open_database(folder, create=False)
    let = let_in(database)
    database.close()
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.served", "--data", str(folder), "--listen", f"{LOOPBACK}:{port}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as hub:  # noqa: S603 - ourselves
        try:
            console.print("Waiting until the hub has looked at all of it once ...")
            _wait(port, let.sessions[STAFF])
            with look_into(folder) as looked, looked.read() as connection:
                pages = pages_at(find_marks(connection, devices, let.link))
            console.print("Asking for its pages ...")
            chosen = {route: asked for route, asked in pages.items() if only in route}
            measured = measure(port, _wanted(chosen, let.sessions))
            return measured, _measure_live(port, hub.pid, let.sessions[STAFF])
        finally:
            os.kill(hub.pid, signal.SIGTERM)


def _wait(port: int, session: str) -> None:
    deadline = time.monotonic() + STARTS_SECONDS
    while True:
        try:
            looked = [ask(port, path, session) for path in ("/alerts?standing=firing", "/missing")]
            is_answered = ask(port, "/board", session).status == HTTPStatus.OK
            if is_answered and all(one.status == HTTPStatus.OK and one.bytes > _LIKE_ROWS_BYTES for one in looked):
                return
        except OSError:
            assert time.monotonic() < deadline, "the hub does not answer"
        assert time.monotonic() < deadline, "the hub did not look at its systems"
        time.sleep(1)


def _wanted(pages: Pages, sessions: Mapping[str, str]) -> list[Wanted]:
    """Return what is to be measured, each page far on beside the first of its list."""
    found = []
    for route, examples in pages.items():
        for asked in examples:
            session = sessions.get(asked.who, "")
            first = Wanted(asked.words, asked.who, route, asked.path, session)
            found.append(first)
            if asked.far:
                found.append(Wanted(f"{asked.words}, far on", asked.who, route, asked.far, session, first))
    return found


def _measure_live(port: int, process: int, session: str) -> dict[str, float]:
    before = memory_mb(process)
    tabs = keep_open(port, TABS, session)
    time.sleep(SETTLE_SECONDS)
    after = memory_mb(process)
    for one in tabs:
        one.close()
    return {"tabs": TABS, "before_mb": round(before, 1), "more_mb": round(after - before, 1)}


def _over(one: Measured) -> str:
    """Return in a few words which limits a page exceeds, nothing where it keeps them."""
    if one.status == UNANSWERED:
        return f"no answer in {TIMEOUT_SECONDS} s"
    if one.status != HTTPStatus.OK:
        return f"not measured: {one.status}"
    slow = one.median_ms > (LIMIT_MS if one.is_page else FILE_LIMIT_MS) and f"{one.median_ms:,.0f} ms"
    large = one.is_page and one.kb > LIMIT_KB and f"{one.kb:,.0f} kB"
    return " and ".join(words for words in (slow, large) if words)


def _show(console: Console, measured: list[Measured], live: dict[str, float]) -> None:
    title = f"Pages: first byte below {LIMIT_MS} ms, below {LIMIT_KB} kB on the wire; far on, times the first page's"
    table = Table(title=title)
    for heading in ("page", "as", "status", "median, ms", "worst, ms", "kB", "far on", "over"):
        table.add_column(heading, justify="left" if heading in {"page", "as", "over"} else "right")
    for one in measured:
        ratio = "" if one.ratio is None else f"{one.ratio:.1f}"
        figures = (str(one.status), f"{one.median_ms:,.1f}", f"{one.worst_ms:,.1f}", f"{one.kb:,.1f}")
        style = "bold" if _over(one) else None
        table.add_row(one.words, one.who or "nobody", *figures, ratio, _over(one), style=style)
    console.print(table)
    over = [f"{one.named} ({_over(one)})" for one in measured if _over(one)]
    console.print(f"Over a limit: {'; '.join(over)}." if over else f"All {len(measured)} are within their limits.")
    console.print(f"{live['tabs']} live pages: {live['more_mb']} MB more than {live['before_mb']} (at most {LIMIT_MB})")


if __name__ == "__main__":
    main()
