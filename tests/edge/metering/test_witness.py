"""What tick, uptime, power and sums tell of a meter: said when it begins, and not of a healthy one."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from edge.metering.counter import ReadingTime
from edge.metering.outcome import Beside
from edge.metering.witness import WINDOW_POLLS, EnergyStep, WitnessMemory, hear, is_restarted
from protocol.records import MeterEventKind

QUARTER_MS = 900_000


def step(quarter: int, *, has_moved: bool = False, gained_wh: int = 0, is_partial: bool = False) -> EnergyStep:
    """Return what a register of whole Wh did in the last quarter of an hour."""
    at = ReadingTime(quarter * QUARTER_MS, quarter * QUARTER_MS, "a", is_trusted=True)
    return EnergyStep(at, has_moved, Fraction(gained_wh), Fraction(1), is_partial)


def listen(*heard: tuple[Beside, EnergyStep]) -> tuple[list[str], WitnessMemory]:
    """Return what was stated over some polls, and what is remembered in the end."""
    memory, stated = WitnessMemory(), []
    for beside, moved in heard:
        verdict = hear(memory, beside, moved)
        memory = verdict.memory
        stated += [str(kind) for kind, _ in verdict.events]
    return stated, memory


def test_a_stale_meter_stays_so_until_something_is_seen_to_move() -> None:
    """A poll that reads no witness changes nothing, nor does a power that ends; a register that moves does."""
    tick, nothing = Beside(witnesses={"tick": 5, "resets": 1}), Beside()
    owing, dark = Beside(Fraction(1000)), Beside(Fraction(0))
    assert listen((tick, step(0)), (nothing, step(1)), (tick, step(2)), (nothing, step(3)), (tick, step(4)))[0] == [
        "stale"
    ]
    course = [(owing, step(0)), (owing, step(1)), (dark, step(2)), (dark, step(3, has_moved=True, gained_wh=1))]
    assert listen(*course)[0] == ["stale", "moving"]
    partly = Beside(witnesses={"resets": 1})
    assert listen((tick, step(0)), (partly, step(1)), (tick, step(2)))[1].is_stale


def test_a_power_that_is_read_seldom_accuses_nobody_who_has_moved_since() -> None:
    """A register that moved in the last quarter and stands at a second look owes nothing for the hours before."""
    strong, unread = Beside(Fraction(1000)), Beside()
    moving = [(unread, step(quarter, has_moved=True, gained_wh=250)) for quarter in range(1, 5)]
    assert listen((strong, step(0)), *moving, (strong, step(4)))[0] == []
    assert listen((strong, step(0)), *moving, (strong, step(5)))[0] == ["stale"]
    elsewhere = replace(step(5), at=ReadingTime(5 * QUARTER_MS, 5, "b", is_trusted=False))
    assert listen((strong, step(0)), *moving, (strong, elsewhere))[0] == []


@pytest.mark.parametrize("role", ["tick", "uptime"])
def test_a_meter_whose_tick_stands_still_is_stale_until_it_moves(role: str) -> None:
    """The same tick after a minute or more is said once; a tick that moves again is said too."""
    ticks = [5, 5, 5, 6]
    heard = [(Beside(witnesses={role: tick}), step(quarter)) for quarter, tick in enumerate(ticks)]
    assert listen(*heard)[0] == ["stale", "moving"]


def test_a_look_at_once_is_too_soon_to_call_a_tick_stopped() -> None:
    """Within a minute, or when nobody knows how long it was, a tick proves nothing."""
    beside = Beside(witnesses={"tick": 5})
    soon = replace(step(1), at=ReadingTime(QUARTER_MS + 900, QUARTER_MS + 900, "a", is_trusted=True))
    unknown = replace(step(2), at=ReadingTime(2 * QUARTER_MS, 5, "b", is_trusted=False))
    assert listen((beside, step(1)), (beside, soon), (beside, unknown))[0] == []


def test_energy_that_moves_is_life_whatever_the_tick_says() -> None:
    """A register that counts is not stale."""
    beside = Beside(witnesses={"tick": 5})
    assert listen((beside, step(0)), (beside, step(1, has_moved=True, gained_wh=3)))[0] == []


def test_a_register_that_owes_its_power_is_stale() -> None:
    """Power that lasted while no register moved is energy that was not counted; less than two steps is none."""
    strong, weak = Beside(power_w=Fraction(1000)), Beside(power_w=Fraction(1))
    assert listen(*[(strong, step(quarter)) for quarter in range(3)])[0] == ["stale"]
    assert listen(*[(weak, step(quarter)) for quarter in range(8)])[0] == []
    assert listen((strong, step(0)), (weak, step(1)), (strong, step(2)))[0] == []


def test_a_second_look_owes_no_power_whatever_it_says() -> None:
    """A moment after a register moved it stands where it was, also where the power beside it is a misread giant."""
    giant = Beside(power_w=Fraction(10**30))
    moved, again = step(1, has_moved=True, gained_wh=100), step(1)
    again = replace(again, at=replace(again.at, boottime_ms=again.at.boottime_ms + 100))
    events, memory = listen((giant, step(0)), (giant, moved), (giant, again))
    assert MeterEventKind.STALE not in events
    assert memory.unmoved_wh == 0


def test_a_tick_that_moves_overrules_the_power() -> None:
    """A meter that is alive is not stale when its register stands; that it disagrees with itself is said later."""
    heard = [(Beside(Fraction(1000), {"tick": quarter}), step(quarter)) for quarter in range(WINDOW_POLLS + 2)]
    assert listen(*heard)[0] == ["inconsistent"]


@pytest.mark.parametrize(
    ("power_w", "gained_wh", "is_partial", "stated"),
    [
        pytest.param(1000, 250, False, [], id="as it should be"),
        pytest.param(1000, 100, True, [], id="within what samples can miss"),
        pytest.param(1_000_000, 250, False, ["inconsistent"], id="power in kW taken for W, or energy a thousandth"),
        pytest.param(1, 250, False, ["inconsistent"], id="energy a thousandfold"),
        pytest.param(0, 250, True, [], id="energy that the power that is read need not show"),
        pytest.param(2, 1, False, [], id="too little to compare"),
    ],
)
def test_energy_and_power_are_compared(power_w: int, gained_wh: int, stated: list[str], *, is_partial: bool) -> None:
    """A factor of a thousand between power and energy is said once, however long it lasts."""
    course = [
        (Beside(Fraction(power_w)), step(quarter, has_moved=True, gained_wh=gained_wh, is_partial=is_partial))
        for quarter in range(4 * WINDOW_POLLS)
    ]
    assert listen(*course)[0] == stated


def test_power_that_is_seldom_read_is_compared_all_the_same() -> None:
    """Between two looks at the power the energy is added up."""
    course = [
        (Beside(Fraction(1000) if quarter % 4 == 0 else None), step(quarter, has_moved=True, gained_wh=250))
        for quarter in range(4 * WINDOW_POLLS)
    ]
    stated, memory = listen(*course)
    assert stated == []
    assert memory.polls < WINDOW_POLLS + 4


def test_energy_of_a_time_without_polls_is_not_compared_with_the_power_at_its_ends() -> None:
    """Power that was read days apart, both times at night, says nothing of what was generated in between."""
    nights = [(Beside(Fraction(0)), step(quarter)) for quarter in range(WINDOW_POLLS)]
    outage = (Beside(Fraction(0)), step(300, has_moved=True, gained_wh=60_000))
    later = [(Beside(Fraction(0)), step(300 + quarter)) for quarter in range(1, 2 * WINDOW_POLLS)]
    assert listen(*nights, outage, *later)[0] == []


def test_power_read_once_a_day_is_no_witness_of_the_day() -> None:
    """A register that counts by day is not called wrong because its power is looked at by night."""
    course = [
        (Beside(Fraction(0) if quarter % 96 == 0 else None), step(quarter, has_moved=True, gained_wh=250))
        for quarter in range(4 * 96 + 1)
    ]
    assert listen(*course)[0] == []


def test_a_total_that_is_not_its_parts_is_said_once() -> None:
    """One count is rounding; a gap that was not read leaves the finding as it was."""
    gaps = [0, 1, 2, None, 7, 0, 2]
    course = [(Beside(sum_gap=gap), step(quarter, has_moved=True)) for quarter, gap in enumerate(gaps)]
    stated, memory = listen(*course)
    assert stated == ["inconsistent", "inconsistent"]
    assert memory.is_sum_off
    assert memory.forgotten() == WitnessMemory(is_sum_off=True)


@pytest.mark.parametrize(
    ("old", "new", "is_so"),
    [
        ({"uptime": 50}, {"uptime": 3}, True),
        ({"uptime": 50}, {"uptime": 51}, False),
        ({"resets": 1}, {"resets": 2}, True),
        ({"resets": 1}, {"resets": 1}, False),
        ({"uptime": 50}, {}, False),
        ({}, {"uptime": 50, "resets": 1}, False),
    ],
)
def test_a_restart_shows_in_uptime_or_resets(old: dict[str, int], new: dict[str, int], *, is_so: bool) -> None:
    """An uptime that fell or a count of resets that changed is a witness; what was not read is none."""
    assert is_restarted(WitnessMemory(values=old), Beside(witnesses=new)) is is_so


def test_each_finding_has_a_sentence() -> None:
    """People read what was found."""
    verdict = hear(WitnessMemory(), Beside(sum_gap=9), step(0))
    assert verdict.events == ((MeterEventKind.INCONSISTENT, "A total differs from its parts by 9 counts."),)
