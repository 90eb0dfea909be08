"""Days: a number only between two midnights at which the register was read, and sums that add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest

from hub.rules.days import (
    MeterDays,
    add_meters,
    clock_hours,
    daily_energy,
    last_days,
    mean_power,
    midnights_around,
    midnights_of,
)
from hub.rules.periods import parse_month
from hub.rules.production import Break, Reading
from protocol.identity import DeviceId, Epoch
from protocol.messages import TimeQuality

HOUR_MS = 3_600_000
JULY = parse_month("2016-07")
MIDNIGHTS = midnights_of(JULY)[:4]
MODULUS_WH = 1_000_000


def _reading(at: int, register_wh: int) -> Reading:
    return Reading(
        register_id=1,
        instrument="CCS WattNode",
        read_at=at,
        register_wh=register_wh,
        raw=register_wh,
        resolution_wh=1,
        modulus_wh=MODULUS_WH,
        ratio=(1, 1),
        time_quality=TimeQuality.SYNCHRONISED,
        device=DeviceId(bytes(16)),
        epoch=Epoch(bytes(8)),
        seq=1,
        received_at=at,
    )


def _read(*registers_wh: int) -> list[Reading]:
    return [_reading(at, register_wh) for at, register_wh in zip(MIDNIGHTS, registers_wh, strict=True)]


@pytest.mark.parametrize(("month", "days", "hours"), [("2016-03", 31, 23), ("2016-11", 30, 25), ("2016-02", 29, 24)])
def test_days_begin_at_local_midnights(month: str, days: int, hours: int) -> None:
    """A month's days fill it without a gap, and one of them may have 23 or 25 hours."""
    chosen = parse_month(month)
    midnights = midnights_of(chosen)
    lengths = [(end - start) // HOUR_MS for start, end in pairwise(midnights)]
    assert (midnights[0], midnights[-1], len(lengths)) == (chosen.starts_at, chosen.ends_at, days)
    assert set(lengths) == {24, hours}


def test_days_follow_one_another_over_a_month_s_end() -> None:
    """They end with the day that is named, and their midnights fill them, also where the clocks change."""
    days = last_days(date(2016, 3, 14), 20)
    assert (str(days[0]), str(days[-1]), len(days)) == ("2016-02-24", "2016-03-14", 20)
    lengths = [(end - start) // HOUR_MS for start, end in pairwise(midnights_around(days))]
    assert lengths == [*(24,) * 18, 23, 24]


def test_days_add_up_to_the_register() -> None:
    """Each is the difference of two registers; a poll a little late stands for its midnight."""
    readings = _read(100, 150, 150, 400)
    readings[1] = replace(readings[1], read_at=readings[1].read_at + 4_000)
    assert daily_energy(MIDNIGHTS, readings) == (50, 0, 250)


def test_a_missing_midnight_takes_both_days_beside_it() -> None:
    """What is missing is never taken from another day, and a reading at noon stands for no midnight."""
    readings = _read(100, 150, 150, 400)
    noon = replace(readings[1], read_at=readings[1].read_at + 12 * HOUR_MS)
    assert daily_energy(MIDNIGHTS, [readings[0], noon, *readings[2:]]) == (None, None, 250)
    assert daily_energy(MIDNIGHTS, []) == (None, None, None)


def test_a_rollover_counts_and_a_fall_does_not() -> None:
    """A register that passed its largest value went on; one that fell otherwise has no number for that day."""
    assert daily_energy(MIDNIGHTS, _read(999_990, 10, 20, 30), 7_500) == (20, 10, 10)
    assert daily_energy(MIDNIGHTS, _read(500, 10, 20, 30), 7_500) == (None, 10, 10)


def test_a_register_that_fell_on_the_way_has_no_number() -> None:
    """Though it stands higher in the evening, it did not go on from where it was."""
    readings = _read(100, 150, 400, 500)
    fall = [_reading(MIDNIGHTS[1] + HOUR_MS, 160), _reading(MIDNIGHTS[1] + 2 * HOUR_MS, 5)]
    assert daily_energy(MIDNIGHTS, [*readings[:2], *fall, *readings[2:]]) == (50, None, 100)


def test_another_instrument_or_ratio_or_a_break_leaves_no_number() -> None:
    """Their difference is no energy, and people have to judge a break first."""
    readings = _read(100, 150, 250, 400)
    other = [*readings[:2], *(replace(one, instrument="Other") for one in readings[2:])]
    assert daily_energy(MIDNIGHTS, other) == (50, None, 150)
    ratio = [*readings[:2], *(replace(one, ratio=(2, 1)) for one in readings[2:])]
    assert daily_energy(MIDNIGHTS, ratio) == (50, None, 150)
    broken = Break(MIDNIGHTS[1] + 1, MIDNIGHTS[1] + 2, "It jumped.", forbids=True)
    assert daily_energy(MIDNIGHTS, readings, None, [broken]) == (50, None, 150)
    assert daily_energy(MIDNIGHTS, readings, None, [replace(broken, forbids=False)]) == (50, 100, 150)


def test_a_system_needs_all_of_its_meters() -> None:
    """A sum that lacks a part is no sum."""
    parts = [MeterDays(MIDNIGHTS[0], None, (1, 2, None)), MeterDays(MIDNIGHTS[0], None, (10, None, 30))]
    assert add_meters(MIDNIGHTS, parts) == (11, None, None)
    assert add_meters(MIDNIGHTS, []) == (None, None, None)


def test_meters_that_follow_one_another_lack_only_the_day_between() -> None:
    """An exchange within a day leaves the days before to the old meter and those after to the new one."""
    at = MIDNIGHTS[1] + HOUR_MS
    parts = [MeterDays(0, at, (5, None, None)), MeterDays(at, None, (None, None, 7))]
    assert add_meters(MIDNIGHTS, parts) == (5, None, 7)
    at_midnight = [MeterDays(0, MIDNIGHTS[1], (5, None, None)), MeterDays(MIDNIGHTS[1], None, (None, 6, 7))]
    assert add_meters(MIDNIGHTS, at_midnight) == (5, 6, 7)


def test_power_is_the_mean_between_two_readings() -> None:
    """In whole watts, at the later instant; none where the register fell or time stood still."""
    points = [(0, 0), (HOUR_MS, 500), (2 * HOUR_MS, 500), (3 * HOUR_MS, 100), (3 * HOUR_MS, 100)]
    assert mean_power(points) == ((HOUR_MS, 500), (2 * HOUR_MS, 0))
    assert mean_power([]) == ()


@pytest.mark.parametrize(
    ("on", "begins", "hours"),
    [
        (date(2016, 11, 5), (0, 1, 2, 3), 24),
        (date(2016, 11, 6), (0, 1, 1, 2), 25),
        (date(2016, 3, 13), (0, 1, 3, 4), 23),
    ],
)
def test_clocks_show_an_hour_twice_or_never_where_they_change(on: date, begins: tuple[int, ...], hours: int) -> None:
    """At two at night in Massachusetts; every day ends with the hour from 23:00."""
    shown = clock_hours(on)
    assert (shown[:4], len(shown), shown[-1]) == (begins, hours, 23)
