"""Properties of the sun: energy is exact, never falls, and depends on nothing but the instant."""

from __future__ import annotations

import os
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.errors import SimulatorError
from simulators.measured import MeasuredSeries
from simulators.sunshine import STEP_MS, MeasuredSun, Place, SeededSun, clear_sky_watts, read_measured_csv

START_MS = 1_467_331_200_000
HOUR_MS = 3_600_000


def naive_wh(series: MeasuredSeries, factor: Fraction, at_ms: int) -> Fraction:
    """Return the energy as a plain sum over all rows, each for as long as it held before `at_ms`."""
    return sum(
        (
            Fraction(power, 10**series.decimals) * factor * Fraction(min(max(at_ms - start, 0), STEP_MS), HOUR_MS)
            for start, power in zip(series.starts_at, series.power, strict=True)
        ),
        Fraction(0),
    )


@st.composite
def measured_series(draw: st.DrawFn) -> MeasuredSeries:
    """Draw a series with gaps."""
    steps = draw(st.lists(st.integers(1, 3), min_size=1, max_size=30))
    starts = [START_MS]
    for step in steps[1:]:
        starts.append(starts[-1] + step * STEP_MS)
    power = tuple(draw(st.lists(st.integers(0, 10**9), min_size=len(starts), max_size=len(starts))))
    return MeasuredSeries(tuple(starts), power, draw(st.integers(0, 6)))


FACTORS = st.sampled_from([Fraction(1), Decimal("1.5"), 4, 10, 0, Fraction(1, 3)])


@given(measured_series(), FACTORS, st.integers(-2 * STEP_MS, 100 * STEP_MS), st.integers(1, 10_000))
def test_energy_is_the_exact_sum_of_rows(
    series: MeasuredSeries, factor: Fraction | Decimal | int, after_ms: int, resolution_wh: int
) -> None:
    """At any instant the energy equals the sum over rows in fractions, and the floor is the floor of that."""
    sun = MeasuredSun(series, factor)
    expected = naive_wh(series, Fraction(factor), START_MS + after_ms)
    assert sun.energy_at(START_MS + after_ms) == expected
    assert sun.wh_floor(START_MS + after_ms, resolution_wh) == expected // resolution_wh * resolution_wh


@given(measured_series(), FACTORS)
def test_energy_never_falls_and_ends_with_the_series(series: MeasuredSeries, factor: Fraction) -> None:
    """Energy is zero until the first row, grows by power times time, and stays after the last row."""
    sun = MeasuredSun(series, factor)
    instants = [series.first_at + quarter * STEP_MS // 4 for quarter in range(4 * 95)]
    for before, after in pairwise(instants):
        assert sun.energy_at(after) - sun.energy_at(before) == sun.power_w(before) * Fraction(after - before, HOUR_MS)
    assert sun.energy_at(sun.first_at) == 0 == sun.power_w(sun.first_at - 1)
    assert sun.energy_at(sun.end_at + 10**12) == sun.energy_at(sun.end_at)
    assert sun.power_w(sun.end_at) == 0


def test_measured_file_is_replayed_exactly() -> None:
    """A season of real measurements, scaled four ways, gives the exact sum at instants all through it."""
    path = Path(os.environ.get("METERLINE_PV_CSV", ""))
    if not path.is_file():
        pytest.skip("no measured power: set METERLINE_PV_CSV to a CSV file with measured_on and ac_power")
    series = read_measured_csv(path)
    for factor in (Fraction(1), Fraction(3, 2), Fraction(4), Fraction(10)):
        sun = MeasuredSun(series, factor)
        for at_ms in range(series.first_at, series.end_at + 2 * STEP_MS, 997 * STEP_MS // 2 + 1):
            assert sun.energy_at(at_ms) == naive_wh(series, factor, at_ms)
        assert sun.energy_at(sun.end_at) == naive_wh(series, factor, sun.end_at) > 0


def test_negative_capacity_is_refused() -> None:
    """No array makes negative energy."""
    with pytest.raises(SimulatorError, match="capacity factor is -1"):
        MeasuredSun(MeasuredSeries((START_MS,), (1,), 0), -1)
    with pytest.raises(SimulatorError, match="0 kW"):
        SeededSun(seed=1, kilowatts=0, start_ms=START_MS)


def seeded(seed: int = 7, start_ms: int = START_MS) -> SeededSun:
    """Return an array of 10 kW."""
    return SeededSun(seed=seed, kilowatts=10, start_ms=start_ms)


@settings(max_examples=5)
@given(st.lists(st.integers(0, 70 * 24 * HOUR_MS), min_size=2, max_size=10), st.integers(-5, 5))
def test_seeded_energy_does_not_depend_on_the_order_asked(after_ms: list[int], seed: int) -> None:
    """The same seed gives the same energy at an instant, whatever was asked before."""
    forwards, backwards = seeded(seed), seeded(seed)
    instants = [START_MS + after for after in sorted(after_ms)]
    assert [forwards.energy_at(at) for at in instants] == [backwards.energy_at(at) for at in instants[::-1]][::-1]


def test_seeded_energy_is_power_times_time() -> None:
    """Energy grows by exactly the power of the step, also from a start within a step."""
    start_ms = START_MS + 15 * HOUR_MS + 123_457
    sun = seeded(start_ms=start_ms)
    assert sun.energy_at(start_ms) == 0 == sun.energy_at(start_ms - HOUR_MS) == sun.power_w(start_ms - 1)
    edges = [start_ms, *range(START_MS + 15 * HOUR_MS + STEP_MS, START_MS + 40 * HOUR_MS, STEP_MS)]
    for before, after in pairwise(edges):
        grown = sun.energy_at(after) - sun.energy_at(before)
        assert grown == sun.power_w(before) * Fraction(after - before, HOUR_MS)
    assert sun.wh_floor(edges[-1], 10) == sun.energy_at(edges[-1]) // 10 * 10 > 0


def test_seeds_make_different_weather_under_the_same_sky() -> None:
    """Clouds only dim: no step exceeds the clear sky, nights are dark, and two seeds differ."""
    clear = clear_sky_watts(Place(), 10, START_MS, 96 * 3)
    first, second = seeded(1), seeded(2)
    instants = [START_MS + step * STEP_MS for step in range(len(clear))]
    assert all(0 <= first.power_w(at) <= watts for at, watts in zip(instants, clear, strict=True))
    assert [first.power_w(at) for at in instants] != [second.power_w(at) for at in instants]
    midnight_in_boston = START_MS + 4 * HOUR_MS
    assert first.power_w(midnight_in_boston) == 0
    assert max(clear) > 5_000


def test_a_seeded_sun_does_not_shine_for_ever() -> None:
    """An instant beyond an array's life is refused instead of computed for hours."""
    with pytest.raises(SimulatorError, match="thirty years"):
        seeded().energy_at(START_MS + 31 * 366 * 24 * HOUR_MS)
