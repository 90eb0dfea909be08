"""`make bench-month`: what closing a month costs for a hub as large as the Commonwealth, and how that grows.

Each size is closed in a process of its own, whose largest resident memory is what is told. In the same process the rows
that decide the month are read once more and nothing is done with them: the bare scan that the closing stands beside.
Prints a table for people and ends with one line of JSON for machines.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.made_months import CLOSED_AT, MONTH, make_ledger
from hub.rules.closing import RunKind
from hub.services.close_month import close_month
from hub.services.verify_month import verify_month
from hub.store import ledger, system_meters
from hub.store.database import Database, open_database

SIZES = (30_000, 60_000, 120_000)
LIMIT_SECONDS = 60
LIMIT_MB = 1_000
MEGA = 10**6
KIBI = 1 << 10
PIPED_WIDTH = 120


def measure_closing(folder: Path) -> dict[str, object]:
    """Close `MONTH` of the hub in `folder` and return what that took in this process."""
    database = open_database(folder, create=False)
    started = time.perf_counter()
    _, result = close_month(database, MONTH, RunKind.CLOSE, actor="benchmark", now=CLOSED_AT)
    seconds = time.perf_counter() - started
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBI / MEGA
    started = time.perf_counter()
    scanned = scan(database)
    scan_seconds = time.perf_counter() - started
    started = time.perf_counter()
    assert not verify_month(database, MONTH).differences
    verify_seconds = time.perf_counter() - started
    database.close()
    assert result.reported > result.missing > 0
    return {
        "systems": result.systems,
        "seconds": round(seconds, 2),
        "rss_mb": round(rss_mb, 1),
        "scan_seconds": round(scan_seconds, 2),
        "scanned_readings": scanned,
        "verify_seconds": round(verify_seconds, 2),
    }


def scan(database: Database) -> int:
    """Read what decides the month, system by system, as the closing does; return how many readings that are."""
    readings = 0
    after = ""
    with database.read() as connection:
        until = ledger.last_number(connection)
        while systems := system_meters.list_meters_after(connection, after):
            meters = [meter for of_system in systems.values() for meter in of_system]
            around = ledger.find_around(connection, meters, MONTH, until)
            readings += sum((near.before is not None) + (near.counting is not None) for near in around.values())
            after = next(reversed(systems))
    return readings


def main() -> None:
    """Make a ledger of each size, close its month, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--systems", type=int, nargs="*", default=list(SIZES), help="the sizes to measure")
    parser.add_argument("--folder", type=Path, help="where the ledgers are made (default: a temporary folder)")
    parser.add_argument("--close", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.close is not None:
        sys.stdout.write(json.dumps(measure_closing(arguments.close)))
        return
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as made:
        measured = [_measure(Path(made) / str(size), size, console) for size in arguments.systems]
    _show(console, measured)
    sys.stdout.write(json.dumps({"months": measured}) + "\n")


def _measure(folder: Path, size: int, console: Console) -> dict[str, object]:
    console.print(f"Making a ledger of {size:,} systems and closing {MONTH} ...")
    make_ledger(folder, size)
    command = [sys.executable, "-m", "benchmarks.months", "--close", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _show(console: Console, measured: list[dict[str, object]]) -> None:
    table = Table(title=f"Closing a month: at most {LIMIT_SECONDS} s and {LIMIT_MB} MB for {SIZES[-1]:,} systems")
    for heading in (
        "systems",
        "seconds",
        "µs a system",
        "MB",
        "bare scan, s",
        "times the scan",
        "verified again in, s",
    ):
        table.add_column(heading, justify="right")
    for one in measured:
        systems, seconds, scanned = (
            int(str(one["systems"])),
            float(str(one["seconds"])),
            float(str(one["scan_seconds"])),
        )
        table.add_row(
            f"{systems:,.0f}",
            f"{seconds:.1f}",
            f"{seconds / systems * MEGA:.0f}",
            str(one["rss_mb"]),
            f"{scanned:.2f}",
            f"{seconds / scanned:.1f}",
            str(one["verify_seconds"]),
        )
    console.print(table)


if __name__ == "__main__":
    main()
