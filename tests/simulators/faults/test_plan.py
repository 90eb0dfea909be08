"""Plans of faults: the same seed gives the same plan, and the truth is known whatever a plan breaks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import SimulatorError
from simulators.faults import Fault, FaultKind, FaultPlan, Target, clock_ahead, draw_plan
from simulators.faults.kinds import ADAPTER_KINDS, LIFE_KINDS, LINE_KINDS, WORD_KINDS
from simulators.faults.plan import MACHINE
from tests.simulators.faults.world import BUS, INTERVAL, METER, NEIGHBOUR, START, STRANGER_SERIAL, TAKEN, World, edge_at

if TYPE_CHECKING:
    from pathlib import Path

DAY_MS = 86_400_000
TARGETS = (
    Target(METER, BUS, is_serial=True),
    Target(NEIGHBOUR, BUS, is_serial=True),
    Target("mill", "lan", is_serial=False),
)
SEEDS = range(20)


def test_every_kind_has_its_place() -> None:
    """A fault is one of the line, of the meter, of the adapter or of the clock, and of one of these only."""
    places = [LINE_KINDS, WORD_KINDS, LIFE_KINDS, ADAPTER_KINDS, frozenset({FaultKind.CLOCK_STEP})]
    assert sorted(kind for place in places for kind in place) == sorted(FaultKind)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drawn_plan_uses_every_fault_one_after_the_other(seed: int) -> None:
    """Each kind comes once in each round, within the time, longer than an interval and never beside another."""
    plan = draw_plan(seed, TARGETS, START, START + 10 * DAY_MS, rounds=2)
    kinds = [fault.kind for fault in plan.faults]
    assert {kind: kinds.count(kind) for kind in FaultKind} == dict.fromkeys(FaultKind, 2) | {FaultKind.ROLLOVER: 1}
    assert START <= plan.faults[0].from_ms < plan.faults[-1].until_ms <= START + 10 * DAY_MS
    assert all(fault.until_ms - fault.from_ms > INTERVAL for fault in plan.faults)
    assert all(before.until_ms <= after.from_ms for before, after in pairwise(plan.faults))
    for fault in plan.faults:
        assert (fault.target == MACHINE) == (fault.kind is FaultKind.CLOCK_STEP)
        assert (fault.target in (BUS, "lan")) == (fault.kind in ADAPTER_KINDS)


def test_a_plan_is_its_seed_and_can_be_written_down() -> None:
    """The same seed gives the same plan, another seed another, and JSON keeps it whole."""
    plan = draw_plan(7, TARGETS, START, START + DAY_MS)
    assert plan == draw_plan(7, TARGETS, START, START + DAY_MS) == FaultPlan.from_json(plan.to_json())
    assert plan.faults != draw_plan(8, TARGETS, START, START + DAY_MS).faults
    assert FaultPlan.from_json(FaultPlan(3, ()).to_json()) == FaultPlan(3, ())


@pytest.mark.parametrize(
    "text", ["", "[]", '{"seed": 1}', '{"seed": 1, "faults": [{"kind": "flood"}]}', '{"seed": 1, "faults": [{}]}']
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    """A text that is no plan is told so in a sentence."""
    with pytest.raises(SimulatorError, match="no plan of faults"):
        FaultPlan.from_json(text)


def test_a_plan_needs_time_and_a_serial_line() -> None:
    """Too little time, or no line at all, is refused instead of leaving faults out."""
    with pytest.raises(SimulatorError, match="give more time"):
        draw_plan(1, TARGETS, START, START + DAY_MS // 4)
    with pytest.raises(SimulatorError, match="on a serial line"):
        draw_plan(1, TARGETS[2:], START, START + DAY_MS)


def test_a_clock_step_lasts_as_long_as_it_says() -> None:
    """The wall clock is ahead in the fault's span, its first instant included, and at no other time."""
    ahead_ms = clock_ahead(FaultPlan(0, (Fault(FaultKind.CLOCK_STEP, MACHINE, START, START + 10, -500),)))
    assert [ahead_ms(START + at) for at in (-1, 0, 9, 10)] == [0, -500, -500, 0]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=8), st.integers(-1, 61))
def test_the_fault_that_began_last_is_the_one_that_acts(spans: list[tuple[int, int]], at_ms: int) -> None:
    """Among overlapping faults the latest that has not ended is found, and none where all are over."""
    faults = [
        Fault(FaultKind.SILENCE, METER, start, start + length, place) for place, (start, length) in enumerate(spans)
    ]
    going_on = [fault for fault in faults if fault.from_ms <= at_ms < fault.until_ms]
    found = FaultPlan(0, tuple(faults)).timeline(METER, LINE_KINDS).active(at_ms)
    assert (found is None) == (not going_on)
    assert found is None or (found in going_on and found.from_ms == max(fault.from_ms for fault in going_on))


EXCUSED = LINE_KINDS - {FaultKind.SLOW_METER} | {FaultKind.ROLLBACK, FaultKind.ADAPTER_SWAP}
"""Faults in which a poll may fail."""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_drawn_plan_leaves_no_hole_unexplained_and_no_reading_untrue(seed: int, tmp_path: Path) -> None:
    """Over a day with every fault a poll fails only in a fault that excuses it, and a reading is the register's.

    Two exceptions: while the meter itself shows something else, that is read; and what another adapter's meter shows
    stands under the serial number of that meter.
    """
    plan = draw_plan(seed, TARGETS[:2], START, edge_at(100))
    world = World(tmp_path, plan.faults, polls=104, identify_every=1)
    world.run_all()
    failures = 0
    for name, glimpses in world.glimpses.items():
        for number, glimpse in enumerate(glimpses):
            going_on = at_edge(plan, name, number)
            failures += glimpse.result != TAKEN
            if glimpse.result != TAKEN:
                assert going_on & EXCUSED, (name, number, glimpse.result)
            elif not glimpse.is_true and glimpse.taken.descriptor.serial != STRANGER_SERIAL:
                assert going_on & WORD_KINDS, (name, number, glimpse)
    assert failures > len(EXCUSED)


def at_edge(plan: FaultPlan, meter: str, number: int) -> set[FaultKind]:
    """Return the kinds of fault that a poll of this meter at an interval edge may meet: its own and the line's."""
    at_ms = edge_at(number)
    going_on = [fault for fault in plan.faults if fault.from_ms <= at_ms < fault.until_ms]
    return {fault.kind for fault in going_on if fault.target in (meter, BUS) or fault.kind is FaultKind.SECOND_MASTER}
