"""What must hold of a year of readings, whatever broke: the specification that the chain is judged by.

Each function takes what the chain says of one meter beside what was true of it, and yields every breach. A *hole* is a
poll that was due and gave no good reading; *good* is a reading that is marked neither suspect nor held nor stale. A
*segment* is the life of a register between two events that state a break. Energy is exact: fractions of a Wh.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from protocol.messages import GapCause
from protocol.records import STATUS_LATE
from protocol.verification import Severity
from simulators.faults import FaultKind
from simulators.year.evidence import when
from simulators.year.plan import INTERVAL_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.verification import Report
    from simulators.faults import Fault
    from simulators.year.chain import Reading
    from simulators.year.evidence import MeterEvidence, SiteEvidence
    from simulators.year.slots import Slot

HALF_WIDTH_MS = 1_000
LATE_HALF_WIDTH_MS = 30_000


class Breach(NamedTuple):
    """An invariant that did not hold: which, of which meter, and how in one sentence."""

    invariant: str
    meter: str
    sentence: str


# I1: the chain holds every poll.


def the_chain_verifies(site: SiteEvidence, report: Report) -> Iterator[Breach]:
    """I1: whoever holds the blocks can verify them at every level, and nothing waits unsealed."""
    for finding in report.findings:
        if finding.severity is Severity.ERROR:
            yield Breach("I1 the chain verifies", "", finding.message)
    if site.open_polls:
        yield Breach("I1 the chain verifies", "", f"{site.open_polls} polls are in no block although the agent ended")


def every_poll_is_in_the_chain(meter: MeterEvidence) -> Iterator[Breach]:
    """I1: each poll that was due is in the chain once, as a reading or with the cause why not; and nothing else is."""
    for slot in meter.slots:
        if slot.is_empty and slot.due.is_certain:
            yield meter.breach("I1 every poll is in the chain", f"nothing says what came of {when(slot.due.edge_at)}")
    for stray in meter.strays:
        yield meter.breach("I1 every poll is in the chain", f"nobody can have polled so: {stray}")


def every_gap_is_stated(meter: MeterEvidence) -> Iterator[Breach]:
    """I1: interval edges without a poll are stated as a gap, exactly; and something kept the agent from each.

    An edge is one of the clock as it stands when the gap is stated: what was polled before it was set moves with it.
    """
    made = [slot.due for slot in meter.slots if not slot.is_empty]
    missed = {
        (last_edge + INTERVAL_MS, later.edge_at): (earlier.true_ms, later.true_ms)
        for earlier, later in pairwise(made)
        if (last_edge := earlier.edge_by(later)) + INTERVAL_MS < later.edge_at
    }
    stated = [(gap.from_at, gap.to_at) for gap in meter.log.gaps]
    for span in sorted(missed.keys() - set(stated)):
        yield meter.breach("I1 every gap is stated", f"no gap covers {when(span[0])} to {when(span[1])}")
    for gap in meter.log.gaps:
        between = missed.get((gap.from_at, gap.to_at))
        if between is None or stated.count((gap.from_at, gap.to_at)) != 1:
            yield meter.breach("I1 every gap is stated", f"a gap of {when(gap.from_at)} to {when(gap.to_at)} never was")
        elif gap.cause is not GapCause.EDGE_OFF or not meter.was_kept_from_polling(*between):
            yield meter.breach(
                "I1 every gap is stated", f"nothing explains the {gap.cause} gap from {when(gap.from_at)}"
            )


# I2: a reading is what the meter showed, and what is no truth is marked.


def readings_are_what_the_meter_showed(meter: MeterEvidence) -> Iterator[Breach]:
    """I2: a raw count is what the meter on the line showed within the reading's instant and half-width."""
    for reading in meter.log.readings:
        if not meter.witness.was_shown(reading, half_width_ms(reading)):
            yield meter.breach("I2 only what was shown", f"no meter showed {reading.raws} at {when(reading.true_ms)}")


def lies_are_marked(meter: MeterEvidence) -> Iterator[Breach]:
    """I2: a count that the register did not hold is marked, or stands where a break says that the level is doubted.

    A frozen meter cannot be noticed before what it shows as power should have moved its register.
    """
    for reading in meter.good_readings:
        if meter.witness.was_held(reading, half_width_ms(reading)):
            continue
        fault = meter.lie_at(reading.true_ms)
        is_excused = fault is not None and (
            meter.is_confirmed(reading, fault)
            or (fault.kind is FaultKind.FROZEN and not meter.owes_movement(reading, fault))
        )
        if not is_excused:
            kind = "no fault" if fault is None else fault.kind
            yield meter.breach(
                "I2 lies are marked", f"{kind}: {reading.raws} passes for true at {when(reading.true_ms)}"
            )


def half_width_ms(reading: Reading) -> int:
    """Return within what time of its instant a reading was taken: a second, unless it is marked as late."""
    return LATE_HALF_WIDTH_MS if reading.status & STATUS_LATE else HALF_WIDTH_MS


# I3: energy.


def energy_is_the_registers_own(meter: MeterEvidence) -> Iterator[Breach]:
    """I3: in every segment the interval energies sum up to what the register counted in it, to the quantum.

    A rollover adds the modulus, and only where the chain states one.
    """
    for segment in meter.segments:
        if segment.by_intervals_wh != segment.by_register_wh:
            yield meter.breach(
                "I3 sum of intervals is register end minus start",
                f"{when(segment.first.true_ms)} to {when(segment.last.true_ms)}: intervals"
                f" {segment.by_intervals_wh} Wh, register {segment.by_register_wh} Wh",
            )
        for reading in segment.unstated_falls:
            yield meter.breach(
                "I3 no fall without a statement", f"the register fell at {when(reading.true_ms)}, and no event says why"
            )


def nothing_flows_unseen(meter: MeterEvidence) -> Iterator[Breach]:
    """I3: what the meter measured is in its segments, to a quantum each, or flowed where one ends.

    Of a segment that begins or ends with what the register did not hold nobody can say what it measured.
    """
    for segment in meter.segments:
        if segment.is_true and abs(segment.by_intervals_wh - segment.measured_wh) > segment.tolerance_wh:
            yield meter.breach(
                "I3 nothing flows unseen",
                f"{when(segment.first.true_ms)} to {when(segment.last.true_ms)}: {segment.by_intervals_wh} Wh counted,"
                f" {float(segment.measured_wh)} Wh measured",
            )


# I4: holes and faults belong together.


def every_hole_has_its_cause(meter: MeterEvidence) -> Iterator[Breach]:
    """I4: a hole has a fault of that meter, its adapter or the clock behind it, and a cause that such a fault has."""
    for slot in meter.holes:
        for reason in slot.reasons - meter.reasons_for(slot):
            yield meter.breach(
                "I4 every hole has its cause",
                f"{reason} at {when(slot.due.true_ms)}, where the plan has nothing like it",
            )


def every_fault_leaves_its_trace(meter: MeterEvidence) -> Iterator[Breach]:
    """I4: no fault that must be noticed passes unnoticed."""
    for fault in meter.faults:
        if not _has_left_its_trace(meter, fault):
            yield meter.breach("I4 every fault leaves its trace", f"{fault.kind} from {when(fault.from_ms)} left none")


def _has_left_its_trace(meter: MeterEvidence, fault: Fault) -> bool:
    if meter.must_fail(fault) and any(slot.good is not None for slot in meter.slots_during(fault)):
        return False
    wanted = meter.events_of(fault)
    return not wanted or meter.has_event(wanted, fault)


def steps_of_the_clock_are_stated(site: SiteEvidence) -> Iterator[Breach]:
    """I4: each time the wall clock was set while the agent ran, the chain says from what to what."""
    for at_ms, by_ms in site.clock_settings:
        stated = [event for event in site.log.clock_events if event.new_offset_ms - event.old_offset_ms == by_ms]
        if not stated:
            yield Breach("I4 steps of the clock are stated", "", f"nothing tells of {by_ms} ms at {when(at_ms)}")
    if len(site.log.clock_events) > len(site.clock_settings):
        yield Breach("I4 steps of the clock are stated", "", "more steps are stated than there were")


# I5: what is billed by.


def months_begin_with_the_truth(meter: MeterEvidence) -> Iterator[Breach]:
    """I5: the reading at the edge of a month is true, or the chain says why there is none to be counted with."""
    for slot in meter.month_edges:
        if slot.good is None and not slot.reasons and slot.due.is_certain:
            yield meter.breach("I5 months begin with the truth", f"no reading and no cause at {when(slot.due.edge_at)}")
        if slot.good is not None and not _is_true(meter, slot):
            yield meter.breach("I5 months begin with the truth", f"a false one at {when(slot.due.edge_at)}")


def _is_true(meter: MeterEvidence, slot: Slot) -> bool:
    assert slot.good is not None
    return meter.witness.was_held(slot.good, half_width_ms(slot.good))


BY_METER = (
    every_poll_is_in_the_chain,
    every_gap_is_stated,
    readings_are_what_the_meter_showed,
    lies_are_marked,
    energy_is_the_registers_own,
    nothing_flows_unseen,
    every_hole_has_its_cause,
    every_fault_leaves_its_trace,
    months_begin_with_the_truth,
)
"""The invariants that are looked at meter by meter."""
