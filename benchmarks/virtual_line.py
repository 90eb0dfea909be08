"""`python -m benchmarks.virtual_line`: how fast the edge's own bus and poller live through virtual time.

Prints a table for people and ends with one line of JSON for machines. A poll is one request of a known meter. The year
of eight meters at 15 minutes is what the numbers are for: 280,320 polls.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from edge.bus import open_bus
from edge.clock import SystemClock
from edge.metering.outcome import Taken
from edge.poll import MeterPoller
from edge.profiles import load_profile
from edge.settings import MeterSettings, RtuLine, TcpEndpoint
from simulators.bus import LinePace, RtuBus, TcpBus, line_seconds
from simulators.meter import MeterSetup, SimulatedMeter
from simulators.virtual_loop import run_virtually
from simulators.virtual_time import VirtualKernel, VirtualTime

if TYPE_CHECKING:
    from edge.bus import Bus

START_MS = 1_719_792_000_000
YEAR_POLLS = 8 * 365 * 96
PACE = LinePace(9_600, turnaround_ms=20)
_PROFILE = "ccs.wattnode-modbus"
_GENERATED = "energy_in_nr"
_REQUEST_OCTETS, _REPLY_OCTETS = 8, 9


class _Dusk:
    """A sun that does not shine: what is measured is the line."""

    def power_w(self, at_ms: int) -> Fraction:
        del at_ms
        return Fraction(0)

    def energy_at(self, at_ms: int) -> Fraction:
        del at_ms
        return Fraction(0)

    def wh_floor(self, at_ms: int, resolution_wh: int) -> int:
        del at_ms, resolution_wh
        return 0


async def _polls_per_second(bus: Bus, polls: int) -> tuple[float, float]:
    """Return polls in a second of real time and of virtual time."""
    clock = SystemClock(VirtualKernel(VirtualTime(START_MS)))
    settings = MeterSettings(
        name="roof",
        index=1,
        bus="line",
        unit=1,
        profile=_PROFILE,
        generated=_GENERATED,
        identify_every_polls=polls + 2,
    )
    poller = MeterPoller(settings, load_profile(_PROFILE), bus, clock.now)
    await poller.poll()
    loop = asyncio.get_running_loop()
    began, virtually_began = time.monotonic(), loop.time()
    for _ in range(polls):
        outcome = await poller.poll()
        assert isinstance(outcome.result, Taken), outcome.result
    elapsed, virtually_elapsed = time.monotonic() - began, loop.time() - virtually_began
    await bus.close()
    return polls / elapsed, polls / virtually_elapsed if virtually_elapsed else 0.0


async def _measure(polls: int, work_dir: Path) -> dict[str, float]:
    meter = SimulatedMeter(load_profile(_PROFILE), _Dusk(), MeterSetup(unit=1, serial="1", generated=_GENERATED))
    clock = VirtualTime(START_MS)
    link = work_dir / "line"
    async with RtuBus({1: meter}, clock, link):
        terminal, _ = await _polls_per_second(open_bus(RtuLine(name="line", port=str(link), silence_ms=0)), polls)
    async with RtuBus({1: meter}, clock, link, pace=PACE):
        # The profile's own silence would be longer than the wire's.
        silence_ms = round(PACE.silence_seconds * 1000)
        line = RtuLine(name="line", port=str(link), baud=PACE.baud, silence_ms=silence_ms)
        paced, virtually = await _polls_per_second(open_bus(line), polls)
    async with TcpBus({1: meter}, clock) as server:
        endpoint = TcpEndpoint(name="line", host="127.0.0.1", port=server.port)
        network, _ = await _polls_per_second(open_bus(endpoint), polls)
    return {
        "terminal_polls_per_second": round(terminal),
        "paced_polls_per_second": round(paced),
        "network_polls_per_second": round(network),
        "paced_to_limit": round(virtually * line_seconds(_REQUEST_OCTETS, _REPLY_OCTETS, PACE), 3),
        "year_seconds": round(YEAR_POLLS / terminal),
    }


def main() -> None:
    """Measure, print the table and the line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=int, default=2_000)
    polls = parser.parse_args().polls
    with tempfile.TemporaryDirectory() as work_dir:
        numbers = run_virtually(_measure(polls, Path(work_dir)))
    table = Table("what", "value", title=f"{polls} polls in virtual time")
    for name, value in numbers.items():
        table.add_row(name.replace("_", " "), f"{value:,}")
    Console(stderr=True).print(table)
    sys.stdout.write(json.dumps(numbers) + "\n")


if __name__ == "__main__":
    main()
