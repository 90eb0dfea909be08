"""`make bench-edge`: what the agent costs the machine it lives on, and how near it comes to what a bus allows.

Prints tables for people and ends with one line of JSON for machines. The process is the real agent under the unit's
environment, with eight meters, TLS to a broker and a hub; see `benchmarks.edge_rig`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks import edge_bus, edge_written
from benchmarks.edge_rig import METERS, Manager, Rig, device_written_bytes
from hub import clock as hub_clock
from simulators.clock import ClockServer, Pace

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMITS = {
    "rss_mb": 45.0,
    "cpu_percent": 1.0,
    "start_seconds": 2.0,
    "written_mb_per_day": 5.0,
    "sweep_to_limit": 1.15,
    "dead_sweep_seconds": 60.0,
}
GROWTH = "growth_mb"
"""Not a number of its own in the JSON: it is part of `rss_mb`."""
MEBI = 1 << 20
MEGA = 10**6
MINUTE_SECONDS = 60
QUARTER_SECONDS = 900
DAY_MS = 86_400_000
START_MS = 1_800_000_000_000 - 1_800_000_000_000 % DAY_MS
FRESH_SECONDS = 20
"""The first part of a minute, in which a started agent still finds its edge worth polling."""
HOUR_PER_SECOND = 3600
ROUNDS = 3
PIPED_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Measured:
    """A number of the report: its key and value in the JSON, and how it came about, for people."""

    key: str
    value: float
    how: str


class RealTime:
    """The machine's own time, for the meters."""

    @property
    def now_ms(self) -> int:
        """This moment, UTC ms."""
        return hub_clock.now_ms()


async def measure_living(folder: Path, minutes: int) -> list[Measured]:
    """Return what starting and living costs with a cycle a minute, in real time."""
    async with Rig(folder, RealTime(), interval_seconds=MINUTE_SECONDS) as rig:
        manager = Manager(folder / "notify")
        loop = asyncio.get_running_loop()
        starts = []
        for _ in range(ROUNDS):
            await _until_fresh()
            rig.forget()
            started_at = loop.time()
            agent = await rig.start_agent(manager)
            starts.append(await manager.hear("WATCHDOG=1") - started_at)
            if len(starts) < ROUNDS:
                await agent.stop()
        used, since = agent.cpu_seconds(), loop.time()
        memories = []
        for _ in range(minutes):
            await manager.hear("WATCHDOG=1")
            memories.append(agent.memory())
        # To the middle of a minute, so that as many whole minutes were counted as cycles.
        await asyncio.sleep(max(minutes * MINUTE_SECONDS - (loop.time() - since), 0))
        percent = 100 * (agent.cpu_seconds() - used) / (loop.time() - since)
        rss, pss = max(memory.rss for memory in memories), max(memory.pss for memory in memories)
        await agent.stop()
        manager.close()
    return [
        Measured(
            "rss_mb", rss / MEBI, f"largest RSS of {minutes} cycles, MiB; the proportional share was {pss / MEBI:.1f}"
        ),
        Measured("cpu_percent", percent, f"of one core, {METERS} meters a minute, over {minutes} real minutes"),
        Measured(
            "start_seconds",
            statistics.median(starts),
            f"from exec to the first committed cycle of a due edge; median of {ROUNDS}, longest {max(starts):.2f}",
        ),
    ]


async def _until_fresh() -> None:
    """Return when the minute is so young that an agent started now polls its edge."""
    second = hub_clock.now_ms() // 1000 % MINUTE_SECONDS
    if not 1 <= second <= FRESH_SECONDS:
        await asyncio.sleep(MINUTE_SECONDS - second + 1)


async def measure_written(folder: Path, days: int) -> list[Measured]:
    """Return what is written in a day of 15-minute cycles and hourly blocks, with time at an hour a second.

    Whole days are run and counted from the first cycle's commit on; nothing is extrapolated.
    """
    clock = ClockServer(START_MS, START_MS + days * DAY_MS, pace=Pace(HOUR_PER_SECOND))
    await clock.start()
    async with Rig(folder, clock, interval_seconds=QUARTER_SECONDS) as rig:
        manager = Manager(folder / "notify")
        address = f"127.0.0.1:{clock.port}"
        agent = await rig.start_agent(manager, "-m", "simulators.edge_process", "--clock", address)
        await manager.hear("WATCHDOG=1")
        written, on_device = agent.written_bytes(), device_written_bytes(folder / "edge")
        memory = agent.memory()
        await clock.finished.wait()
        written = agent.written_bytes() - written
        assert written > 0, "an agent that writes nothing works on a RAM disk: name another place with --folder"
        growth = max(agent.memory().rss - memory.rss, 0)
        device = "the device does not say"
        if on_device is not None:
            # All programs of this machine write there, so this is no less than what the agent caused.
            taken = (device_written_bytes(folder / "edge") or on_device) - on_device
            device = f"its disk took {taken / days / MEGA:.1f} MB from all programs"
        await agent.stop()
        manager.close()
    await clock.stop()
    how = f"write_bytes of {days} whole days, {days * 24} blocks, write-ahead log included; {device}"
    return [
        Measured("written_mb_per_day", written / days / MEGA, how),
        Measured(GROWTH, growth / MEBI, f"growth of RSS from the first cycle through {days} simulated days, MiB"),
    ]


def measure_bus() -> list[Measured]:
    """Return how near the edge's bus comes to its wire and to other clients, as far as these are installed."""
    bus = edge_bus.measure()
    line = f"{edge_bus.METERS} meters on a paced line of {edge_bus.BAUD} baud"
    dead = f"{line}, {edge_bus.DEAD} of them dead: the slowest sweep; {bus.dead_sweep_readings} gave readings in each"
    measured = [
        Measured(
            "sweep_to_limit", bus.sweep_to_limit, f"{line}: {bus.sweep_seconds:.2f} s beside its octets' own time"
        ),
        Measured("dead_sweep_seconds", bus.dead_sweep_seconds, dead),
    ]
    if bus.polls is None:
        return measured
    edge = bus.polls["edge"]
    speed = f"{edge:,.0f} reads/s over TCP beside the client of"
    others = ("pymodbus", "libmodbus")
    return measured + [Measured(f"polls_to_{name}", edge / bus.polls[name], f"{speed} {name}") for name in others]


def measure_all(folder: Path, *, minutes: int, days: int) -> list[Measured]:
    """Return every measure of the process, and of the bus."""
    living = asyncio.run(measure_living(folder / "living", minutes))
    return [*living, *asyncio.run(measure_written(folder / "written", days)), *measure_bus()]


def figures_of(measured: Sequence[Measured]) -> dict[str, float]:
    """Return the numbers by key; memory with what it grew by in the days that the real time was too short for."""
    figures = {one.key: one.value for one in measured}
    figures["rss_mb"] += figures.pop(GROWTH)
    return figures


def _show_written(console: Console) -> None:
    """Print where the journal's writing goes, counted by the call instead of by the disk's page."""
    table = Table("handed to write(2) by the journal", "MB a day", box=None)
    for name, megabytes in edge_written.measure().items():
        table.add_row(name.removesuffix("_mb_per_day").replace("_", " "), f"{megabytes:.2f}")
    console.print(table)


def main() -> None:
    """Measure everything, print it, and end with the JSON line; exit code 1 if a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=3, help="how many minutes of life to measure, in real time")
    parser.add_argument("--days", type=int, default=3, help="how many simulated days to count writing over")
    parser.add_argument("--folder", type=Path, help="where to work: a real disk, since a RAM disk counts no writing")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    console.print(f"Measuring {arguments.minutes} minutes in real time and {arguments.days} simulated days ...")
    with tempfile.TemporaryDirectory(prefix="bench-edge-", dir=arguments.folder) as folder:
        measured = measure_all(Path(folder), minutes=arguments.minutes, days=arguments.days)
    figures = figures_of(measured)
    table = Table("measure", "value", "limit", "how", box=None)
    for one in measured:
        limit = LIMITS.get(one.key)
        table.add_row(one.key, f"{one.value:.2f}", "" if limit is None else f"{limit:g}", one.how)
    console.print(table)
    _show_written(console)
    sys.stdout.write(json.dumps({key: round(value, 3) for key, value in figures.items()}) + "\n")
    sys.exit(any(figures[key] > limit for key, limit in LIMITS.items()))


if __name__ == "__main__":
    main()
