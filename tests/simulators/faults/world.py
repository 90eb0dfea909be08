"""A small world to break: meters that fail by a plan, the edge's own bus and poller, and time that jumps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from edge.bus import open_bus
from edge.clock import SystemClock
from edge.metering.outcome import Failed, PollOutcome, Taken
from edge.poll import MeterPoller
from edge.profiles import load_profile
from edge.settings import AsciiLine, MeterSettings, RtuLine, RtuTcpEndpoint, TcpEndpoint
from simulators.bus import AsciiBus, LinePace, RtuBus, RtuTcpBus, TcpBus
from simulators.faults import Fault, FaultPlan, FaultyMeter, LineFaults, clock_ahead, play_site_faults
from simulators.faults.life import next_serial
from simulators.meter import MeterSetup
from simulators.virtual_loop import run_virtually
from simulators.virtual_time import VirtualKernel, VirtualTime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edge.bus import Bus
    from edge.settings import BusKind, BusSettings
    from protocol.messages import Instant, Register
    from simulators.faults import FaultKind

START = 1_719_792_000_000
INTERVAL = 900_000
STRANGER_SERIAL = "999001"
METER, NEIGHBOUR = "roof", "barn"
UNITS = {METER: 5, NEIGHBOUR: 6}
BUS = "line"
WATTNODE = "ccs.wattnode-modbus"
SHARK = "eig.shark-100"
SERIALS = {WATTNODE: "351001", SHARK: "0004100410"}
GENERATED = {WATTNODE: "energy_in_nr", SHARK: "energy_received"}
TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class NoonSun:
    """A sun that gives 36 MW for ever since the start: 10 Wh in each ms, so that a reading tells its very instant."""

    def power_w(self, at_ms: int) -> Fraction:
        """Return the power."""
        del at_ms
        return Fraction(36_000_000)

    def energy_at(self, at_ms: int) -> Fraction:
        """Return the energy since the start, Wh."""
        return Fraction(max(at_ms - START, 0) * 10)

    def wh_floor(self, at_ms: int, resolution_wh: int) -> int:
        """Return it rounded down."""
        return max(at_ms - START, 0) * 10 // resolution_wh * resolution_wh


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What one poll gave, and what the register truly held just before and just after it, in Wh."""

    outcome: PollOutcome
    before_wh: int
    after_wh: int

    @property
    def result(self) -> str:
        """`taken`, or the cause why not."""
        return self.outcome.result.cause if isinstance(self.outcome.result, Failed) else TAKEN

    @property
    def taken(self) -> Taken:
        """The reading."""
        assert isinstance(self.outcome.result, Taken), self.outcome.result
        return self.outcome.result

    @property
    def reading_wh(self) -> int:
        """The reading in Wh, by its descriptor alone."""
        return energy_wh(self.taken.counts[0], self.taken.descriptor.registers[0])

    @property
    def is_true(self) -> bool:
        """Whether a reading lies between what the register held before and after it."""
        return self.before_wh <= self.reading_wh <= self.after_wh


def energy_wh(count: int, register: Register) -> int:
    """Return what a raw count means, by the register's description alone."""
    is_negative = register.kind == "s" and count >= 1 << (register.width_bits - 1)
    signed = count - (1 << register.width_bits) if is_negative else count
    energy = register.sign * signed * Fraction(10) ** register.scale_exponent
    assert energy.denominator == 1
    return energy.numerator


def edge_at(number: int) -> int:
    """Return the instant of an interval edge."""
    return START + number * INTERVAL


def during(kind: FaultKind, first: int, last: int, amount: int = 0, target: str = METER) -> Fault:
    """Return a fault that begins a minute before one interval edge and ends a minute after another."""
    return Fault(kind, target, edge_at(first) - 60_000, edge_at(last) + 60_000, amount)


def briefly(kind: FaultKind, edge: int, amount: int = 0) -> Fault:
    """Return a fault that is over 20 ms after an interval edge: the first question of a poll meets it, no other."""
    return Fault(kind, METER, edge_at(edge) - 60_000, edge_at(edge) + 20, amount)


@dataclass(slots=True)
class World:
    """Two meters of a profile on a bus, polled at `polls` interval edges, edge 0 first.

    Faults of a meter befall `METER`, which is polled first; its neighbour never fails by itself. `serial` is the only
    one that the edge accepts of `METER`. Results are of `METER` unless they say otherwise.
    """

    work_dir: Path
    faults: Sequence[Fault]
    polls: int = 6
    profile: str = WATTNODE
    kind: BusKind = "rtu"
    pace: LinePace | None = None
    local_echo: bool = False
    serial: str | None = None
    identify_every: int = 96
    initial_wh: int = 123_400
    glimpses: dict[str, list[Glimpse]] = field(init=False, default_factory=dict)

    def run_all(self) -> None:
        """Fill `glimpses` with what each poll of each meter gave."""
        run_virtually(self._run())

    def run(self) -> list[Glimpse]:
        """Return what each poll gave, after asserting that the neighbour was never read wrongly."""
        self.run_all()
        assert [
            glimpse for glimpse in self.glimpses[NEIGHBOUR] if glimpse.result == TAKEN and not glimpse.is_true
        ] == []
        return self.glimpses[METER]

    def results(self) -> list[str]:
        """Return `taken` or the cause for each poll, after asserting that no reading differs from the truth."""
        glimpses = self.run()
        assert [glimpse for glimpse in glimpses if glimpse.result == TAKEN and not glimpse.is_true] == []
        return [glimpse.result for glimpse in glimpses]

    @property
    def neighbour_results(self) -> list[str]:
        """Return `taken` or the cause for each poll of the neighbour."""
        return [glimpse.result for glimpse in self.glimpses[NEIGHBOUR]]

    def meter(self, plan: FaultPlan, name: str, serial: str) -> FaultyMeter:
        """Return a meter of the plan."""
        setup = MeterSetup(
            unit=UNITS[name], serial=serial, initial_wh=self.initial_wh, generated=GENERATED[self.profile]
        )
        return FaultyMeter(load_profile(self.profile), NoonSun(), setup, name=name, plan=plan)

    async def _run(self) -> None:
        plan = FaultPlan(0, tuple(self.faults))
        time = VirtualTime(START)
        clock = SystemClock(VirtualKernel(time, clock_ahead(plan)))
        meters = {
            METER: self.meter(plan, METER, SERIALS[self.profile]),
            NEIGHBOUR: self.meter(plan, NEIGHBOUR, next_serial(next_serial(SERIALS[self.profile]))),
        }
        on_bus = {meter.unit: meter for meter in meters.values()}
        spoil = LineFaults(plan, {unit: name for name, unit in UNITS.items()})
        if self.kind in ("tcp", "rtu-tcp"):
            is_rtu = self.kind == "rtu-tcp"
            async with (RtuTcpBus if is_rtu else TcpBus)(on_bus, time, disturb=spoil) as server:
                endpoint = RtuTcpEndpoint if is_rtu else TcpEndpoint
                bus = open_bus(endpoint(name=BUS, host="127.0.0.1", port=server.port))
                await self._poll(bus, meters, clock)
            return
        link = self.work_dir / "line"
        strange = {UNITS[METER]: self.meter(FaultPlan(0, ()), METER, STRANGER_SERIAL)}
        serial_bus = AsciiBus if self.kind == "ascii" else RtuBus
        async with serial_bus(on_bus, time, link, pace=self.pace, disturb=spoil) as line:
            lines, strangers = {BUS: line}, {BUS: RtuBus(strange, time, link)}
            playing = asyncio.create_task(play_site_faults(plan, time, lines, strangers))
            await self._poll(open_bus(self._line_settings(link)), meters, clock)
            await playing

    def _line_settings(self, link: Path) -> BusSettings:
        """Return the edge's settings of the line.

        Without a pace a poll takes no time, and a reading is that of the interval edge to the Wh. A pseudo-terminal has
        no seven bits.
        """
        baud, silence_ms = (19_200, 0) if self.pace is None else (self.pace.baud, None)
        settings = AsciiLine if self.kind == "ascii" else RtuLine
        return settings(
            name=BUS, port=str(link), baud=baud, format="8N1", silence_ms=silence_ms, local_echo=self.local_echo
        )

    async def _poll(self, bus: Bus, meters: Mapping[str, FaultyMeter], clock: SystemClock) -> None:
        pollers = {name: self._poller(name, bus, clock) for name in meters}
        self.glimpses = {name: [] for name in meters}
        for number in range(self.polls):
            await VirtualTime(START).sleep_until(edge_at(number))
            for name, poller in pollers.items():
                outcome = await poller.poll()
                truth = [meters[name].register_wh_at(true_ms(at)) for at in (outcome.before, outcome.after)]
                self.glimpses[name].append(Glimpse(outcome, *truth))
        await bus.close()

    def _poller(self, name: str, bus: Bus, clock: SystemClock) -> MeterPoller:
        settings = MeterSettings(
            name=name,
            index=UNITS[name],
            bus=BUS,
            unit=UNITS[name],
            profile=self.profile,
            generated=GENERATED[self.profile],
            serial=self.serial if name == METER else None,
            identify_every_polls=self.identify_every,
        )
        return MeterPoller(settings, load_profile(self.profile), bus, clock.now)


def true_ms(instant: Instant) -> int:
    """Return when an instant truly was, whatever the wall clock showed: boottime is never wrong."""
    return START + instant.boottime_ms
