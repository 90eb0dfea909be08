"""How fast the edge polls: a slow line beside its physical limit, and TCP beside a bare client and libmodbus' own.

Part of `make bench-edge`. Figures are ratios to a yardstick measured in the same run.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from pymodbus.client import AsyncModbusTcpClient

from benchmarks.libmodbus import NotBuildableError, build
from edge.bus import open_bus
from edge.clock import SystemClock
from edge.cycle import Cycle
from edge.metering.outcome import Taken
from edge.metering.words import Span
from edge.poll import MeterPoller
from edge.profiles import load_profile
from edge.settings import MeterSettings, RtuLine, TcpEndpoint
from simulators.bus import Exchange, LinePace, RtuBus, Utterance, line_seconds, undisturbed
from simulators.measured import STEP_MS, MeasuredSeries
from simulators.meter import MeterSetup, SimulatedMeter
from simulators.sunshine import MeasuredSun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.metering.outcome import PollOutcome

BAUD = 9600
TURNAROUND_MS = 20
METERS = 32
DEAD = 4
CADENCE_SECONDS = 60
SWEEPS = 3
READS = 4000
WORDS = 10
ROUNDS = 3
PROFILE, GENERATED = "ccs.wattnode-modbus", "energy_in_nr"
_START_SECONDS_MAX = 10
_RUN_SECONDS_MAX = 120
_SERIES = MeasuredSeries(starts_at=(0, STEP_MS), power=(4_000_000, 4_000_000), decimals=0)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One cycle over all meters of a paced line: how long it took, and how long the wire alone needs for its octets."""

    seconds: float
    limit_seconds: float
    outcomes: tuple[PollOutcome, ...]

    @property
    def readings(self) -> int:
        """How many meters gave a reading."""
        return sum(isinstance(outcome.result, Taken) for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class _Noon:
    now_ms: int = 10 * STEP_MS


class _Listener:
    """Counts what the exchanges on a line cost its wire."""

    def __init__(self, pace: LinePace) -> None:
        self.seconds = 0.0
        self._pace = pace

    def __call__(self, exchange: Exchange) -> Sequence[Utterance]:
        """Let the exchange pass."""
        said = undisturbed(exchange)
        request = len(exchange.request.frame(exchange.request.pdu))
        self.seconds += line_seconds(request, sum(len(utterance.octets) for utterance in said), self._pace)
        return said


async def measure_sweeps(folder: Path, meters: int, dead: int, sweeps: int) -> list[Sweep]:
    """Return some sweeps over `meters` of which `dead` do not answer, after one in which all were identified."""
    pace = LinePace(BAUD, turnaround_ms=TURNAROUND_MS)
    listener = _Listener(pace)
    profile = load_profile(PROFILE)
    alive = {
        unit: SimulatedMeter(profile, MeasuredSun(_SERIES), MeterSetup(unit=unit, serial=str(351_000 + unit)))
        for unit in range(dead + 1, meters + 1)
    }
    line = folder / "line"
    bus = open_bus(RtuLine(name="line", port=str(line), baud=BAUD))
    now = SystemClock().now
    drivers = [
        MeterPoller(
            MeterSettings(name=str(unit), index=unit, bus="line", unit=unit, profile=PROFILE, generated=GENERATED),
            profile,
            bus,
            now,
        )
        for unit in range(1, meters + 1)
    ]
    async with RtuBus(alive, _Noon(), line, pace=pace, disturb=listener):
        cycle = Cycle(drivers, now, seconds_max=CADENCE_SECONDS / 2)
        await cycle.poll_edge()
        taken = []
        for _ in range(sweeps):
            listener.seconds = 0.0
            began = time.perf_counter()
            outcomes = await cycle.poll_edge()
            taken.append(Sweep(time.perf_counter() - began, listener.seconds, outcomes))
        await bus.close()
    return taken


async def measure_polls(folder: Path, reads: int, rounds: int) -> dict[str, float] | None:
    """Return reads per second of the edge's bus, a bare pymodbus client and libmodbus' client, the best of some rounds.

    All three ask one server, libmodbus' own. None where libmodbus cannot be built.
    """
    try:
        server, client = build("server", folder), build("client", folder)
    except NotBuildableError:
        return None
    words = folder / "words"
    words.write_text("".join(f"{address} {address}\n" for address in range(WORDS)), encoding="ascii")
    process = await asyncio.create_subprocess_exec(str(server), "tcp", "0", "1", str(words), stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_SECONDS_MAX):
            port = int((await process.stdout.readline()).split()[1])
        best = {"edge": 0.0, "pymodbus": 0.0, "libmodbus": 0.0}
        # A server of libmodbus serves one connection after the other, so they take turns.
        for _ in range(rounds):
            for name, seconds in (
                ("edge", await _read_by_edge(port, reads)),
                ("pymodbus", await _read_by_pymodbus(port, reads)),
                ("libmodbus", await _read_by_libmodbus(client, port, reads)),
            ):
                best[name] = max(best[name], reads / seconds)
    finally:
        process.kill()
        await process.communicate()
    return best


async def _read_by_edge(port: int, reads: int) -> float:
    bus = open_bus(TcpEndpoint(name="bus", host="127.0.0.1", port=port))
    span = Span(3, 0, WORDS)
    await bus.read(1, span, timeout_seconds=1)
    began = time.perf_counter()
    for _ in range(reads):
        await bus.read(1, span, timeout_seconds=1)
    seconds = time.perf_counter() - began
    await bus.close()
    return seconds


async def _read_by_pymodbus(port: int, reads: int) -> float:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0)
    await client.connect()
    await client.read_holding_registers(0, count=WORDS, device_id=1)
    began = time.perf_counter()
    for _ in range(reads):
        await client.read_holding_registers(0, count=WORDS, device_id=1)
    seconds = time.perf_counter() - began
    client.close()
    return seconds


async def _read_by_libmodbus(client: Path, port: int, reads: int) -> float:
    process = await asyncio.create_subprocess_exec(
        str(client), str(port), "1", "0", str(WORDS), str(reads), stdout=subprocess.PIPE
    )
    async with asyncio.timeout(_RUN_SECONDS_MAX):
        printed, _ = await process.communicate()
    return float(printed)


@dataclass(frozen=True, slots=True)
class BusFigures:
    """What `measure` found; `polls` are reads per second by client, None where libmodbus is not installed."""

    sweep_seconds: float
    sweep_to_limit: float
    dead_sweep_seconds: float
    dead_sweep_readings: int
    polls: dict[str, float] | None


def measure(*, sweeps: int = SWEEPS, reads: int = READS, rounds: int = ROUNDS) -> BusFigures:
    """Return the edge's speed on a paced line of 32 meters, with and without dead ones, and over TCP."""
    with tempfile.TemporaryDirectory(prefix="bench-edge-") as folder:
        healthy = asyncio.run(measure_sweeps(Path(folder), METERS, 0, sweeps))
        with_dead = asyncio.run(measure_sweeps(Path(folder), METERS, DEAD, sweeps))
        polls = asyncio.run(measure_polls(Path(folder), reads, rounds))
    slowest = max(with_dead, key=lambda sweep: sweep.seconds)
    return BusFigures(
        sweep_seconds=median(sweep.seconds for sweep in healthy),
        sweep_to_limit=median(sweep.seconds / sweep.limit_seconds for sweep in healthy),
        dead_sweep_seconds=slowest.seconds,
        dead_sweep_readings=min(sweep.readings for sweep in with_dead),
        polls=polls,
    )
