"""What the chain says beside what was true, of the site and of each of its meters: what the invariants look at."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from protocol.identity import BootId
from protocol.records import MeterEventKind
from simulators.faults import FaultKind, clock_ahead
from simulators.faults.kinds import WORD_KINDS
from simulators.faults.plan import MACHINE
from simulators.year import causes
from simulators.year.chain import read_chain
from simulators.year.machine import clock_settings
from simulators.year.plan import HOUR_MS
from simulators.year.schedule import due_polls
from simulators.year.segments import cut_segments
from simulators.year.site import BUSES
from simulators.year.slots import align, is_good
from simulators.year.truth import Witness, quantum_wh

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge.metering.profile import MeterProfile
    from simulators.faults import Fault
    from simulators.year.chain import ChainLog, MeterLog, Reading
    from simulators.year.invariants import Breach
    from simulators.year.schedule import DuePoll
    from simulators.year.segments import Segment
    from simulators.year.site import YearMeter
    from simulators.year.slots import Slot
    from simulators.year.world import LivedYear

REGULATOR_ZONE = ZoneInfo("America/New_York")
POLL_MS = 15_000
"""A poll that begins so long before a fault may still meet it, and one so long before its end outlive it."""
UNMOVED_QUANTA = 4
"""What a frozen meter may owe its power before it must be noticed: two steps, and what its polls cannot tell."""
WITNESS_MS = 3 * HOUR_MS
"""How long the power of a meter may not have been read: hourly at most, and seen twice before it is believed."""


def when(at_ms: int) -> str:
    """Return an instant (UTC ms) as it is printed."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")


class SiteEvidence:
    """The whole chain of a lived year, and the meters in it."""

    def __init__(self, year: LivedYear) -> None:
        self.year = year
        self.open_polls = year.export.open_polls
        began = {BootId(boot.boot_id[:4]): boot.began_ms for boot in year.boots}
        self.log: ChainLog = read_chain(year.export.blocks, began)
        self.due = due_polls(year.runs, clock_settings(year.plan), clock_ahead(year.plan.faults))

    @property
    def meters(self) -> Iterable[MeterEvidence]:
        """The evidence of each meter."""
        for number, meter in self.year.site.meters.items():
            yield MeterEvidence(self.year, meter, self.log.meters[number], self.due)

    @property
    def clock_settings(self) -> list[tuple[int, int]]:
        """When the wall clock was set while the agent ran (UTC ms), and by how much (ms)."""
        ahead_ms = clock_ahead(self.year.plan.faults)
        return [
            (at_ms, ahead_ms(at_ms) - ahead_ms(at_ms - 1))
            for at_ms in clock_settings(self.year.plan)
            if any(run.from_ms < at_ms < run.until_ms for run in self.year.runs)
        ]


class MeterEvidence:
    """What the chain says of one meter, and what was true of it."""

    def __init__(self, year: LivedYear, meter: YearMeter, log: MeterLog, due: Sequence[DuePoll]) -> None:
        self.meter = meter
        self.log = log
        self._lies = year.plan.faults.timeline(meter.name, WORD_KINDS)
        self.witness = Witness(year.site, meter, self._lies)
        self.slots, self.strays = align(log.polls, due)
        faults = year.plan.faults.faults
        self.faults = [fault for fault in faults if fault.target in (meter.name, meter.bus)]
        self._all_faults = [*self.faults, *(fault for fault in faults if fault.target == MACHINE)]
        self._year = year

    def breach(self, invariant: str, sentence: str) -> Breach:
        """Return a breach of this meter."""
        from simulators.year.invariants import Breach  # noqa: PLC0415 - the specification imports its evidence

        return Breach(invariant, self.meter.name, sentence)

    @cached_property
    def good_readings(self) -> list[Reading]:
        """The readings that can be counted with, in the order taken."""
        return [reading for reading in self.log.readings if is_good(reading)]

    @cached_property
    def segments(self) -> list[Segment]:
        """The life of the register as the chain tells it."""
        return cut_segments(self.good_readings, self.log.events, self.witness)

    @property
    def holes(self) -> list[Slot]:
        """The polls that gave no good reading."""
        return [slot for slot in self.slots if slot.reasons]

    @property
    def month_edges(self) -> list[Slot]:
        """The polls that decide a month, in the regulator's zone."""
        return [slot for slot in self.slots if _begins_month(slot.due.edge_at)]

    def was_kept_from_polling(self, from_ms: int, until_ms: int) -> bool:
        """Tell whether between two true instants the agent did not run, or its clock was set."""
        starts = [run.from_ms for run in self._year.runs]
        is_restarted = any(from_ms < start <= until_ms for start in starts)
        return is_restarted or any(from_ms < at_ms <= until_ms for at_ms in clock_settings(self._year.plan))

    def lie_at(self, at_ms: int) -> Fault | None:
        """Return what made the meter show what its register did not hold."""
        return self._lies.active(at_ms)

    def is_confirmed(self, reading: Reading, fault: Fault) -> bool:
        """Tell whether the chain stated, since the fault began, that the level was doubted and stayed."""
        return self._has_event_in(
            frozenset({MeterEventKind.CONFIRMED, MeterEventKind.RESET}), fault.from_ms, reading.true_ms
        )

    def owes_movement(self, reading: Reading, fault: Fault) -> bool:
        """Tell whether a frozen meter's power should have moved its register by now."""
        owed_ms = reading.true_ms - fault.from_ms - WITNESS_MS
        power_w = self.witness.answering(fault.from_ms).meter_at(fault.from_ms).sun.power_w(fault.from_ms)
        return power_w * max(owed_ms, 0) > UNMOVED_QUANTA * quantum_wh(reading.descriptor) * HOUR_MS

    def reasons_for(self, slot: Slot) -> set[str]:
        """Return what may have kept a poll from giving a good reading, by the plan."""
        at_ms = slot.due.true_ms
        allowed: set[str] = set()
        for fault in self._all_faults:
            if fault.from_ms - POLL_MS <= at_ms:
                allowed |= {
                    reason
                    for reason in causes.REASONS[fault.kind]
                    if at_ms < fault.until_ms + causes.AFTERMATH_MS.get(reason, 0)
                }
        return allowed

    def slots_during(self, fault: Fault) -> list[Slot]:
        """Return the polls that fell wholly into a fault."""
        return [slot for slot in self.slots if fault.from_ms <= slot.due.true_ms < fault.until_ms - POLL_MS]

    def must_fail(self, fault: Fault) -> bool:
        """Tell whether no poll during a fault can give a good reading."""
        return fault.kind in causes.ALWAYS_FAILING or (
            fault.kind in causes.RTU_FAILING and BUSES[self.meter.bus] == "rtu"
        )

    def events_of(self, fault: Fault) -> frozenset[str]:
        """Return the events of which one must tell of a fault; none where nothing must.

        A register that may also fall does not roll over of its own: its new level is doubted until it has stayed.
        """
        if not self._must_state(fault):
            return frozenset()
        meter = self.witness.answering(fault.from_ms).meter_at(fault.from_ms)
        if fault.kind is FaultKind.ROLLOVER and not meter.generated.monotonic:
            return frozenset({MeterEventKind.CONFIRMED})
        return causes.EVENTS.get(fault.kind, frozenset())

    def _must_state(self, fault: Fault) -> bool:
        meter = self.witness.answering(fault.from_ms).meter_at(fault.from_ms)
        match fault.kind:
            case FaultKind.EXCHANGE:
                return meter.profile.tells_serial
            case FaultKind.ADAPTER_SWAP:
                return meter.profile.tells_serial and bool(self.slots_during(fault))
            case FaultKind.CT_CHANGE:
                return self._shows_configuration(meter.profile, fault)
            case _:
                return True

    def _shows_configuration(self, profile: MeterProfile, fault: Fault) -> bool:
        """Return whether a word of the meter's configuration is another after a fault than before."""
        meter = self.witness.answering(fault.from_ms)
        return any(
            meter.read(point.function_code, point.address, 1, fault.from_ms - 1)
            != meter.read(point.function_code, point.address, 1, fault.from_ms)
            for point in profile.points
            if point.quantity == "configuration" and point.words == 1
        )

    def has_event(self, kinds: frozenset[str], fault: Fault) -> bool:
        """Tell whether one of these events was stated since a fault began, soon enough to be of it."""
        return self._has_event_in(kinds, fault.from_ms, fault.until_ms + causes.STATED_WITHIN_MS)

    def _has_event_in(self, kinds: frozenset[str], from_ms: int, until_ms: int) -> bool:
        return any(
            event.kind in kinds and from_ms <= at_ms <= until_ms
            for event, at_ms in zip(self.log.events, self._event_instants, strict=True)
        )

    @cached_property
    def _event_instants(self) -> list[int]:
        """When each event was truly seen: it bears the instant of the poll that showed it."""
        instants = {reading.read_at: reading.true_ms for reading in self.log.readings}
        return [instants.get(event.at, event.at) for event in self.log.events]


def _begins_month(edge_at: int) -> bool:
    local = datetime.fromtimestamp(edge_at / 1000, REGULATOR_ZONE)
    return (local.day, local.hour, local.minute) == (1, 0, 0)
