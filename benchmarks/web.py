"""`make bench-web`: what the pages of a hub with 100,000 devices cost who waits for them, and who runs it.

A hub is made with a system, a meter and a device each, one month closed; it is served by its own program, and each page
is asked for again and again. A list is asked for its first page and one far behind. Then pages are kept open live.
Prints a table for people and ends with one line of JSON for machines.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table

from benchmarks.made_months import CLOSED_AT, MONTH, make_ledger
from hub.clock import now_ms
from hub.rules.closing import RunKind
from hub.services.close_month import close_month
from hub.store import schema
from hub.store.database import open_database
from hub.store.dialect import insert_rows
from protocol.identity import DeviceId, format_device_id
from simulators.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICES = 100_000
TABS = 500
ASKED = 15
LIMIT_MS, LIMIT_KB, LIMIT_MB = 200, 60, 100
AT_ONCE = 5_000
KIBI = 1 << 10
PIPED_WIDTH = 120
STARTS_SECONDS = 300.0
_HOUR_MS = 3_600_000


def make_hub(folder: Path, devices: int) -> None:
    """Make a hub with so many systems, meters and devices, most of which were heard an hour ago."""
    make_ledger(folder, devices)
    database = open_database(folder, create=False)
    close_month(database, MONTH, RunKind.CLOSE, actor="benchmark", now=CLOSED_AT)
    now = now_ms()
    for first in range(0, devices, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, devices))
        heard = {number: now - (_HOUR_MS if number % 50 else 72 * _HOUR_MS) for number in numbers}
        with database.write() as connection:
            insert_rows(connection, schema.device, [(device_id(one), name_of(one), now) for one in numbers])
            insert_rows(
                connection,
                schema.stream,
                [
                    (one + 1, device_id(one), bytes(8), 9, 5, bytes(32), 0, 0, now, heard[one], None, None)
                    for one in numbers
                ],
            )
            insert_rows(
                connection,
                schema.device_state,
                [
                    (
                        device_id(one),
                        1,
                        bytes(4),
                        heard[one],
                        now,
                        bytes(8),
                        9,
                        9,
                        5,
                        -1,
                        heard[one],
                        2,
                        "0.1.0",
                        _HOUR_MS,
                        None,
                    )
                    for one in numbers
                ],
            )
            insert_rows(connection, schema.meter_device, [(one + 1, device_id(one), now) for one in numbers])
    database.close()


def device_id(number: int) -> bytes:
    """Return the id of a device by its number."""
    return number.to_bytes(10, "big")


def name_of(number: int) -> str:
    """Return what people call a device."""
    return f"Site {number:06d}"


def pages(devices: int) -> Iterator[tuple[str, str]]:
    """Yield what is asked for: words, and the address."""
    late = devices // 2
    system = f"SLF-BM{late // 10_000:04d}-{late % 10_000:05d}"
    device = format_device_id(DeviceId(device_id(late)))
    yield from {
        "fleet": "/",
        "window board": "/board",
        "board, accepted": "/board?standing=accepted",
        "alerts": "/alerts",
        "devices, first page": "/devices",
        "devices, page 1,000": "/devices?" + urlencode({"after": f"{device},{name_of(late)}"}),
        "devices, silent": "/devices?axis=link&stands=silent",
        "devices, a few late": "/devices?axis=link&stands=late",
        "devices, searched": f"/devices?search={late}",
        "a device": f"/devices/{device}",
        "the hub itself": "/hub",
        "systems, first page": "/systems",
        "systems, page 1,000": f"/systems?after={system}",
        "a system": f"/systems/{system}",
        "evidence of a month": f"/systems/{system}/months/{MONTH}",
        "months": "/months",
        "a month": f"/months/{MONTH}",
        "a month, page 1,000": f"/months/{MONTH}?after={system}",
        "exports": "/exports",
        "reviews": "/api/v1/reporting",
    }.items()


def ask(port: int, path: str) -> tuple[float, int, int]:
    """Return how long an answer's first byte took (ms), how many bytes it has on the wire, and its status."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
    began = time.perf_counter()
    connection.request("GET", path, headers={"accept-encoding": "gzip"})
    answer = connection.getresponse()
    took = (time.perf_counter() - began) * 1000
    length = len(answer.read())
    connection.close()
    return took, length, answer.status


def memory_mb(process: int) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * KIBI / 10**6


def keep_open(port: int, tabs: int) -> list[socket.socket]:
    """Open live pages and return their connections."""
    opened = []
    request = f"GET /events?watch=fleet&after=0 HTTP/1.1\r\nhost: {LOOPBACK}\r\naccept: text/event-stream\r\n\r\n"
    for _ in range(tabs):
        one = socket.create_connection((LOOPBACK, port))
        one.sendall(request.encode())
        opened.append(one)
    for one in opened:
        one.settimeout(60)
        assert one.recv(64).startswith(b"HTTP/1.1 200"), "a live page is not answered"
    return opened


def main() -> None:
    """Make the hub, serve it, ask for its pages, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--folder", type=Path, help="where the hub is made (default: a temporary folder)")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as made:
        folder, port = Path(made) / "hub", free_port()
        console.print(f"Making a hub of {arguments.devices:,} devices ...")
        make_hub(folder, arguments.devices)
        command = [sys.executable, "-m", "hub", "serve", "--data", str(folder), "--broker", "none", "--open"]
        with subprocess.Popen([*command, "--listen", f"{LOOPBACK}:{port}"], stderr=subprocess.DEVNULL) as hub:  # noqa: S603 - ourselves
            try:
                measured, live = _measure(port, hub.pid, arguments.devices, console)
            finally:
                os.kill(hub.pid, signal.SIGTERM)
    _show(console, measured, live)
    sys.stdout.write(json.dumps({"devices": arguments.devices, "pages": measured, "live": live}) + "\n")


def _measure(
    port: int, process: int, devices: int, console: Console
) -> tuple[list[dict[str, object]], dict[str, float]]:
    deadline = time.monotonic() + STARTS_SECONDS
    console.print("Waiting until the hub has looked at all of it once ...")
    while True:
        try:
            if ask(port, "/board")[2] == http.HTTPStatus.OK and ask(port, "/alerts?standing=firing")[1] > KIBI:
                break
        except OSError:
            assert time.monotonic() < deadline, "the hub does not answer"
        assert time.monotonic() < deadline, "the hub did not look at its systems"
        time.sleep(1)
    measured: list[dict[str, object]] = []
    for words, path in pages(devices):
        asked = [ask(port, path) for _ in range(ASKED)]
        took = sorted(one[0] for one in asked)
        measured.append(
            {
                "page": words,
                "status": asked[-1][2],
                "median_ms": round(statistics.median(took), 1),
                "worst_ms": round(took[-1], 1),
                "kb": round(asked[-1][1] / 1000, 1),
            }
        )
    before = memory_mb(process)
    tabs = keep_open(port, TABS)
    time.sleep(5)
    after = memory_mb(process)
    for one in tabs:
        one.close()
    return measured, {"tabs": TABS, "before_mb": round(before, 1), "more_mb": round(after - before, 1)}


def _show(console: Console, measured: list[dict[str, object]], live: dict[str, float]) -> None:
    title = f"Pages: first byte below {LIMIT_MS} ms, below {LIMIT_KB} kB on the wire"
    table = Table(title=title)
    for heading in ("page", "status", "median, ms", "worst, ms", "kB"):
        table.add_column(heading, justify="left" if heading == "page" else "right")
    for one in measured:
        table.add_row(*(str(one[name]) for name in ("page", "status", "median_ms", "worst_ms", "kb")))
    console.print(table)
    console.print(f"{live['tabs']} live pages: {live['more_mb']} MB more than {live['before_mb']} (at most {LIMIT_MB})")


if __name__ == "__main__":
    main()
