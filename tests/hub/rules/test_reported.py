"""What was reported: whatever is missing or exchanged, no Wh is lost or made up."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hub.rules.estimation import divide_energy
from hub.rules.periods import ProductionMonth, date_at
from hub.rules.reported import AcceptedReading, MeterTerms, NumberKind, Origin, meter_months

FIRST = ProductionMonth(2023, 1)
DAY_MS = 86_400_000

steps = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 10**7)), min_size=1, max_size=12)
"""How many months after the one before the next reading comes, and by how many Wh the register has moved."""


def make_readings(course: list[tuple[int, int]], initial_wh: int) -> list[AcceptedReading]:
    """Return the readings of a course that begins in `FIRST`."""
    month, shown_wh, readings = FIRST.previous(), initial_wh, []
    for place, (months, energy_wh) in enumerate(course, 1):
        for _ in range(months):
            month = month.next()
        shown_wh += energy_wh
        readings.append(AcceptedReading(place, 1, month, month.ends_at - DAY_MS, shown_wh, Origin.MANUAL))
    return readings


@given(course=steps, initial_wh=st.integers(0, 10**9), began_days=st.integers(0, 20))
def test_months_add_up_to_the_difference_of_the_outer_readings(
    course: list[tuple[int, int]], initial_wh: int, began_days: int
) -> None:
    """From the meter's beginning to its last reading, and from any reading to any later one, whatever was not read."""
    terms = MeterTerms(1, FIRST.starts_at + began_days * DAY_MS, initial_wh)
    readings = make_readings(course, initial_wh)
    months = meter_months(terms, readings)
    assert sum(month.production_wh or 0 for month in months) == readings[-1].register_wh - initial_wh
    for reading in readings:
        until = [month for month in months if month.month <= reading.month]
        assert sum(month.production_wh or 0 for month in until) == reading.register_wh - initial_wh
    assert [month.month for month in months] == sorted({month.month for month in months})
    assert months[0].month == FIRST
    assert months[-1].month == readings[-1].month


@given(course=steps, initial_wh=st.integers(0, 10**9), after_end=st.integers(0, 10**6), ended_day=st.integers(0, 27))
def test_an_exchange_loses_nothing(
    course: list[tuple[int, int]], initial_wh: int, after_end: int, ended_day: int
) -> None:
    """The old meter's months add up to its final register, on whichever day it ended."""
    readings = make_readings(course, initial_wh)
    last = readings[-1].month.next()
    terms = MeterTerms(
        meter=1,
        initial_at=FIRST.starts_at,
        initial_wh=initial_wh,
        ended_at=last.starts_at + ended_day * DAY_MS + DAY_MS // 2,
        final_wh=readings[-1].register_wh + after_end,
    )
    months = meter_months(terms, readings)
    assert sum(month.production_wh or 0 for month in months) == readings[-1].register_wh + after_end - initial_wh
    assert months[-1].month == last


@given(course=steps, place=st.integers(0, 11))
def test_what_is_known_around_a_month_is_enough(course: list[tuple[int, int]], place: int) -> None:
    """The reading before it, its own or the next one give a month the number that all readings give it."""
    terms = MeterTerms(1, FIRST.starts_at, 0)
    readings = make_readings(course, 0)
    whole = {month.month: month for month in meter_months(terms, readings)}
    month = list(whole)[place % len(whole)]
    before = [reading for reading in readings if reading.month < month][-1:]
    after = [reading for reading in readings if reading.month >= month][:1]
    near = {part.month: part for part in meter_months(terms, [*before, *after])}
    assert near[month] == whole[month]


@given(course=steps)
def test_a_number_is_estimated_only_where_nobody_read(course: list[tuple[int, int]]) -> None:
    """A month with a reading of its own is measured, or allocated after months without."""
    readings = make_readings(course, 0)
    read = {reading.month for reading in readings}
    for month in meter_months(MeterTerms(1, FIRST.starts_at, 0), readings):
        assert (month.kind is NumberKind.ESTIMATED) == (month.month not in read)


@given(energy_wh=st.integers(0, 10**12), weights=st.lists(st.integers(0, 400), min_size=1, max_size=40).filter(any))
def test_a_division_conserves_energy(energy_wh: int, weights: list[int]) -> None:
    """To the Wh; no part is a whole Wh away from its share, and nothing falls on a weight of zero."""
    parts = divide_energy(energy_wh, weights)
    assert sum(parts) == energy_wh
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - energy_wh * weight) < sum(weights)
        assert weight or not part


def test_a_reading_from_before_the_meter_began_counts_nothing() -> None:
    """Its month is none of the meter's."""
    terms = MeterTerms(1, FIRST.starts_at, 100)
    early = AcceptedReading(1, 1, FIRST.previous(), FIRST.starts_at - DAY_MS, 50, Origin.MANUAL)
    (month,) = meter_months(terms, [early, replace(early, id=2, month=FIRST, register_wh=150)])
    assert (month.production_wh, month.opening.register_wh) == (50, 100)


@given(st.integers(1970, 2998), st.integers(1, 12))
def test_the_month_before_is_the_one_whose_next_it_is(year: int, month: int) -> None:
    """Also over the turn of a year; and a month's last day is its last."""
    this = ProductionMonth(year, month)
    assert this.next().previous() == this
    assert date_at(this.ends_at - 1) == this.last_day
