"""`make bench-custody`: bytes on the wire, the cost of each step, and how fast a hub takes custody.

Prints tables for people and ends with one line of JSON for machines.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.made_fleet import (
    POLLS_PER_DAY,
    POLLS_PER_HOUR,
    REGISTERS_PER_METER,
    make_device,
    make_key,
)
from benchmarks.taken import READINGS_PER_BLOCK, make_backlog, make_fleet, measure
from benchmarks.through_broker import measure_through_broker
from hub.ingest import BATCH_BLOCKS_MAX
from protocol import chain, cose, wire
from protocol.cose import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.taken import Taken

DAYS = 30
FLEET_DEVICES = 64
BROKER_HOURS = 64
PIPED_WIDTH = 160
_RECEIPT_KEY = 999_999
_ROUNDS = 5
_TIMES = 400


@dataclass(frozen=True, slots=True)
class Size:
    """What a sealed block costs on the wire at most, over a month of summer days."""

    name: str
    block_bytes: int
    register_readings: int

    @property
    def bytes_per_reading(self) -> float:
        """Its bytes, signature and chain included, by register reading."""
        return round(self.block_bytes / self.register_readings, 2)


def measure_sizes() -> list[Size]:
    """Return the longest hourly and daily blocks of 1 and 10 meters; and a day on which all counts have five digits."""
    sunny = [
        _longest(f"{name}, {meters} meter{'s' if meters > 1 else ''}", meters, polls, steady=False)
        for name, polls in (("hour", POLLS_PER_HOUR), ("day", POLLS_PER_DAY))
        for meters in (1, 10)
    ]
    return [*sunny, _longest("day, 1 meter, five digits at every poll", 1, POLLS_PER_DAY, steady=True)]


def _longest(name: str, meters: int, polls: int, *, steady: bool) -> Size:
    device = make_device(0, meters, steady=steady)
    longest = max(len(device.seal(*device.frames(first, polls))) for first in range(0, DAYS * POLLS_PER_DAY, polls))
    return Size(name, longest, meters * polls * REGISTERS_PER_METER)


def measure_steps(polls: int) -> dict[str, float]:
    """Return what each step costs for one block of a meter with so many polls, in µs: the best of a few rounds."""
    device = make_device(0)
    block = device.block(*device.frames(POLLS_PER_DAY // 2, polls))
    raw, public = wire.seal_block(block, device.key), device.key.public
    envelope, keys = cose.open_envelope(raw), {device.key.key_id: device.key.public}
    message = cose.signed_bytes(Kind.BLOCK, envelope.protected, envelope.payload)
    return {
        "encode": _microseconds(lambda: wire.encode_block(block)),
        "sign": _microseconds(lambda: device.key.sign(message)),
        "verify": _microseconds(lambda: public.verifies(envelope.signature, message)),
        "decode": _microseconds(lambda: wire.decode_block(envelope.payload)),
        "judge": _microseconds(lambda: chain.judge(raw, keys)),
    }


def _microseconds(step: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        for _ in range(_TIMES):
            step()
        best = min(best, time.perf_counter() - started)
    return round(1e6 * best / _TIMES, 1)


def main() -> None:
    """Measure everything and print it; where a speed is compared with a part, 1.00 is as fast as that part alone."""
    parser = argparse.ArgumentParser(prog="bench-custody", description=__doc__)
    parser.add_argument("--blocks", type=int, default=4096, help="hourly blocks per load (default: %(default)s)")
    parser.add_argument("--no-broker", action="store_true", help="leave out what needs a broker")
    parser.add_argument("--work", type=Path, help="where the databases are made (default: a temporary folder)")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    sizes = measure_sizes()
    _show_sizes(console, sizes)
    steps = {name: measure_steps(polls) for name, polls in (("hour", POLLS_PER_HOUR), ("day", POLLS_PER_DAY))}
    _show_steps(console, steps)
    with tempfile.TemporaryDirectory(dir=options.work, prefix="bench-custody-") as folder:
        taken = _measure_loads(Path(folder), options.blocks)
        _show_taken(console, taken)
        carried = None
        if not options.no_broker:
            carried = measure_through_broker(Path(folder) / "broker", FLEET_DEVICES, BROKER_HOURS)
            speed = f"{carried.blocks_per_second:,.0f} blocks/s"
            console.print(f"From the {carried.broker} broker to the receipts, {carried.blocks} blocks: {speed}\n")
    summary = {
        "bytes": {size.name: [size.block_bytes, size.bytes_per_reading] for size in sizes},
        "steps_us": steps,
        "taken": [
            {
                "load": one.name,
                "blocks": one.blocks,
                "blocks_per_second": round(one.blocks_per_second),
                "register_readings_per_second": round(READINGS_PER_BLOCK * one.blocks_per_second),
                "us": {name: round(getattr(one, name), 1) for name in ("take", "verify", "check", "insert")},
                "ratio": one.ratios(),
            }
            for one in taken
        ],
        "broker": carried and {"kind": carried.broker, "blocks_per_second": round(carried.blocks_per_second)},
    }
    print(json.dumps(summary))  # noqa: T201 - the last line is for machines


def _measure_loads(folder: Path, blocks: int) -> list[Taken]:
    hours, key = blocks // FLEET_DEVICES, make_key(_RECEIPT_KEY)
    return [
        measure(make_backlog(2 * blocks, BATCH_BLOCKS_MAX), folder / "backlog-full", key),
        measure(make_backlog(blocks, 64), folder / "backlog-64", key),
        measure(make_fleet(FLEET_DEVICES, 2 * hours, BATCH_BLOCKS_MAX), folder / "fleet-full", key),
        measure(make_fleet(FLEET_DEVICES, hours, 64), folder / "fleet-64", key),
    ]


def _show_sizes(console: Console, sizes: list[Size]) -> None:
    table = _table(f"On the wire, signed and chained (the longest block of {DAYS} summer days)")
    for heading in ("Block", "Bytes", "Bytes per register reading"):
        table.add_column(heading, justify="left" if heading == "Block" else "right")
    for size in sizes:
        table.add_row(size.name, f"{size.block_bytes:,}", f"{size.bytes_per_reading:.2f}")
    console.print(table, "")


def _show_steps(console: Console, steps: dict[str, dict[str, float]]) -> None:
    table = _table("Each step, 1 meter, µs per block")
    table.add_column("Block")
    for heading in steps["hour"]:
        table.add_column(heading, justify="right")
    for name, costs in steps.items():
        table.add_row(name, *(f"{cost:,.1f}" for cost in costs.values()))
    console.print(table, "")


def _show_taken(console: Console, taken: list[Taken]) -> None:
    table = _table("Custody on SQLite, synchronous=FULL: from bytes to committed with signed receipts, one thread")
    table.add_column("Load of hourly blocks")
    for heading in ("Blocks/s", "Readings/s", "µs", "Ed25519 µs", "check µs", "insert µs"):
        table.add_column(heading, justify="right")
    for part in ("Ed25519", "check", "insert", "both"):
        table.add_column(f"to {part}", justify="right")
    for one in taken:
        costs = (one.take, one.verify, one.check, one.insert)
        speed = (one.blocks_per_second, READINGS_PER_BLOCK * one.blocks_per_second)
        table.add_row(
            one.name,
            *(f"{number:,.0f}" for number in speed),
            *(f"{cost:,.1f}" for cost in costs),
            *(f"{ratio:.2f}" for ratio in one.ratios().values()),
        )
    console.print(table, "")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=None, pad_edge=False)


if __name__ == "__main__":
    main()
