"""What the edge must record when the octets between it and a meter are wrong, missing, late or somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulators.bus import LinePace
from simulators.faults import FaultKind
from simulators.faults.kinds import LINE_KINDS
from tests.simulators.faults.world import TAKEN, World, briefly, during

if TYPE_CHECKING:
    from pathlib import Path

    from edge.settings import BusKind

LINE_BUSES: tuple[BusKind, ...] = ("rtu", "ascii", "rtu-tcp")
BUS_KINDS: tuple[BusKind, ...] = (*LINE_BUSES, "tcp")
ON_ANY_BUS = [
    (FaultKind.SILENCE, 0, "timeout"),
    (FaultKind.SLOW_METER, 600, TAKEN),
    (FaultKind.WRONG_UNIT, 1, "bad-reply"),
    (FaultKind.TRUNCATED, 1, "timeout"),
    (FaultKind.TRUNCATED, 5, "timeout"),
    (FaultKind.GLUED, 0, "bad-reply"),
    (FaultKind.GLUED, 1, "bad-reply"),
    (FaultKind.GLUED, 7, "bad-reply"),
    (FaultKind.EXCEPTION_2, 0, "exception-2"),
    (FaultKind.EXCEPTION_4, 0, "exception-4"),
    (FaultKind.EXCEPTION_6, 0, "exception-6"),
    (FaultKind.EXCEPTION_11, 0, "exception-11"),
]
ON_A_LINE = [
    (FaultKind.CRC_ERROR, 0, "bad-reply"),
    (FaultKind.CRC_ERROR, 3, "bad-reply"),
    (FaultKind.NOISE, 0x00, "bad-reply"),
    (FaultKind.NOISE, 0x05, "bad-reply"),
    (FaultKind.NOISE, 0xFF, "bad-reply"),
    (FaultKind.ECHO, 0, "bad-reply"),
    (FaultKind.SECOND_MASTER, 0, "bad-reply"),
    (FaultKind.SECOND_MASTER, 3_000, "bad-reply"),
]
LATE = [(kind, delay_ms) for kind in BUS_KINDS for delay_ms in range(150, 4_000, 550)]
PASSING = [case for case in ON_ANY_BUS + ON_A_LINE if not case[0].startswith("exception")]


def test_no_kind_of_line_fault_is_left_out() -> None:
    """Every kind of fault of a line has a case here."""
    assert {kind for kind, _, _ in ON_ANY_BUS + ON_A_LINE} | {FaultKind.LATE_REPLY} == LINE_KINDS


@pytest.mark.parametrize("bus_kind", BUS_KINDS)
@pytest.mark.parametrize(("kind", "amount", "cause"), ON_ANY_BUS)
def test_a_lasting_fault_is_recorded_with_its_cause(
    kind: FaultKind, amount: int, cause: str, bus_kind: BusKind, tmp_path: Path
) -> None:
    """Polls fail with this cause just as long as the fault lasts; the neighbour is read as if nothing were."""
    world = World(tmp_path, [during(kind, 2, 3, amount)], kind=bus_kind)
    assert world.results() == [TAKEN, TAKEN, cause, cause, TAKEN, TAKEN]
    assert set(world.neighbour_results) == {TAKEN}


@pytest.mark.parametrize("bus_kind", LINE_BUSES)
@pytest.mark.parametrize(("kind", "amount", "cause"), ON_A_LINE)
def test_a_lasting_fault_of_a_line_is_recorded_with_its_cause(
    kind: FaultKind, amount: int, cause: str, bus_kind: BusKind, tmp_path: Path
) -> None:
    """As above, for what can only happen to frames with a check sum on a line that all share."""
    world = World(tmp_path, [during(kind, 2, 3, amount)], kind=bus_kind)
    assert world.results() == [TAKEN, TAKEN, cause, cause, TAKEN, TAKEN]


@pytest.mark.parametrize("bus_kind", LINE_BUSES)
@pytest.mark.parametrize(("kind", "amount", "cause"), PASSING)
def test_a_passing_fault_costs_no_reading(
    kind: FaultKind, amount: int, cause: str, bus_kind: BusKind, tmp_path: Path
) -> None:
    """A question that is spoilt or lost once is asked again in the same poll, and the reading is right."""
    del cause
    world = World(tmp_path, [briefly(kind, 2, amount)], kind=bus_kind)
    assert world.results() == [TAKEN] * 6
    assert world.neighbour_results == [TAKEN] * 6


@pytest.mark.parametrize("code", [2, 4, 6, 11])
def test_a_refusal_is_an_answer(code: int, tmp_path: Path) -> None:
    """A meter that refuses once is believed: that poll has its cause, and the next is a reading."""
    world = World(tmp_path, [briefly(FaultKind(f"exception-{code}"), 2)])
    assert world.results() == [TAKEN, TAKEN, f"exception-{code}", TAKEN, TAKEN, TAKEN]


@pytest.mark.parametrize(("bus_kind", "delay_ms"), LATE)
def test_a_late_reply_is_never_a_later_reading(bus_kind: BusKind, delay_ms: int, tmp_path: Path) -> None:
    """However late replies are, each poll in the fault is a true reading or has a cause, and polls after it are right.

    The time-out is 1 s. A reply within it is late for nobody; one behind it answers no later question.
    """
    world = World(tmp_path, [during(FaultKind.LATE_REPLY, 2, 3, delay_ms)], kind=bus_kind)
    results = world.results()
    assert results[:2] == results[4:] == [TAKEN, TAKEN]
    assert (TAKEN in results[2:4]) == (delay_ms < 1_000)
    assert set(world.neighbour_results) == {TAKEN}


@pytest.mark.parametrize(("bus_kind", "delay_ms"), LATE)
def test_one_late_reply_costs_no_reading(bus_kind: BusKind, delay_ms: int, tmp_path: Path) -> None:
    """When only the first reply of a poll is late, the poll is a true reading all the same, or has a cause."""
    world = World(tmp_path, [briefly(FaultKind.LATE_REPLY, 2, delay_ms)], kind=bus_kind)
    results = world.results()
    assert results[:2] + results[3:] == [TAKEN] * 5


@pytest.mark.parametrize("first_ms", range(600, 2_400, 300))
def test_no_late_reply_slips_into_a_question_asked_again(first_ms: int, tmp_path: Path) -> None:
    """On a slow line, where questions are under way most of the time, no delay makes an old count a new one.

    The first reply of a poll is late by every 15 ms, so that one falls into every later question.
    """
    pace = LinePace(9_600, turnaround_ms=20)
    for delay_ms in range(first_ms, first_ms + 300, 15):
        results = World(tmp_path, [briefly(FaultKind.LATE_REPLY, 1, delay_ms)], polls=3, pace=pace).results()
        assert results[::2] == [TAKEN, TAKEN], delay_ms


def test_an_adapter_that_hears_itself_may_be_configured(tmp_path: Path) -> None:
    """With local echo configured, an echo is no fault, and neither is its absence."""
    assert World(tmp_path, [during(FaultKind.ECHO, 2, 3)], local_echo=True).results() == [TAKEN] * 6


def test_a_line_that_is_never_silent_ends_no_poll_late(tmp_path: Path) -> None:
    """While a second master talks without a pause every poll has a cause; when it stops, all meters are read again.

    A meter that answered is asked again and finds the line busy; one that was not there has one try.
    """
    world = World(tmp_path, [during(FaultKind.SECOND_MASTER, 2, 3, 60_000)])
    results = world.results()
    assert results == [TAKEN, TAKEN, "busy", "bad-reply", TAKEN, TAKEN]
    assert world.neighbour_results[:2] == world.neighbour_results[4:] == [TAKEN, TAKEN]
