"""Properties of production that hold for any series of readings."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from hub.rules.periods import ProductionMonth, month_of, months_through, parse_month
from hub.rules.production import (
    Finding,
    Reading,
    has_ended,
    list_drops,
    monthly_production,
    register_difference,
    system_production,
)
from protocol.identity import DeviceId, Epoch
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Sequence

FROM_AT = parse_month("2016-01").starts_at
UNTIL_AT = parse_month("2017-01").starts_at
JULY = parse_month("2016-07")


def _reading(read_at: int, register_wh: int, modulus_wh: int | None = None) -> Reading:
    return Reading(
        register_id=1,
        instrument="CCS WattNode",
        read_at=read_at,
        register_wh=register_wh,
        raw=register_wh,
        resolution_wh=1,
        modulus_wh=modulus_wh,
        ratio=(1, 1),
        time_quality=TimeQuality.SYNCHRONISED,
        device=DeviceId(bytes(10)),
        epoch=Epoch(bytes(8)),
        seq=0,
        received_at=read_at,
    )


@st.composite
def rising(draw: st.DrawFn) -> Sequence[Reading]:
    """Return readings of a register that never goes down, at any instants of a year."""
    times = sorted(draw(st.sets(st.integers(FROM_AT, UNTIL_AT), min_size=1, max_size=40)))
    steps = draw(st.lists(st.integers(0, 10**9), min_size=len(times), max_size=len(times)))
    return [_reading(at, wh) for at, wh in zip(times, itertools.accumulate(steps), strict=True)]


def _months(readings: Sequence[Reading]) -> list[ProductionMonth]:
    return list(months_through(month_of(readings[0].read_at), month_of(readings[-1].read_at).next()))


@st.composite
def doubtful(draw: st.DrawFn) -> Sequence[Reading]:
    """Return the same with clocks that nobody verified here and there, taken by one device after another."""
    readings = draw(rising())
    unknown = draw(st.sets(st.sampled_from(range(len(readings)))))
    changed_at = draw(st.integers(0, len(readings)))
    return [
        replace(
            reading,
            time_quality=TimeQuality.UNKNOWN if place in unknown else reading.time_quality,
            register_id=1 if place < changed_at else 2,
        )
        for place, reading in enumerate(readings)
    ]


@given(doubtful())
def test_months_add_up_to_the_register(readings: Sequence[Reading]) -> None:
    """Whatever is missing or doubtful between, the months together are what lies between their outer readings."""
    parts = [monthly_production(month, readings) for month in _months(readings)]
    total = sum(part.production_wh or 0 for part in parts)
    opening = next(part.opening for part in parts if part.opening)
    assert parts[-1].closing is not None
    assert total == parts[-1].closing.register_wh - opening.register_wh
    if all(reading.time_quality is not TimeQuality.UNKNOWN for reading in readings):
        assert total == readings[-1].register_wh - readings[0].register_wh


@given(doubtful())
def test_production_is_the_difference_of_the_two_readings_it_names(readings: Sequence[Reading]) -> None:
    """No number stands without the two readings it is the difference of, and none where they are one."""
    for month in _months(readings):
        part = monthly_production(month, readings)
        assert part.opening is not None
        assert part.closing is not None
        if part.opening == part.closing:
            assert part.production_wh is None
        else:
            assert part.production_wh == part.closing.register_wh - part.opening.register_wh


@given(doubtful(), st.data())
def test_a_reading_inside_a_month_changes_no_number(readings: Sequence[Reading], data: st.DataObject) -> None:
    """Only the readings that open and close a month decide it: any other may be lost."""
    month = data.draw(st.sampled_from(_months(readings)))
    whole = monthly_production(month, readings)
    kept = [reading for reading in readings if reading in (whole.opening, whole.closing)]
    assert monthly_production(month, kept).production_wh == whole.production_wh


@given(rising(), st.integers(FROM_AT, UNTIL_AT), st.integers(0, 10**12))
def test_an_unverified_reading_never_moves_a_verified_month(
    readings: Sequence[Reading], read_at: int, register_wh: int
) -> None:
    """A reading whose time nobody verified, wherever it stands, changes no month that has verified readings before."""
    stray = replace(_reading(read_at, register_wh), time_quality=TimeQuality.UNKNOWN)
    both = sorted([*readings, stray], key=lambda reading: reading.read_at)
    months = [month for month in _months(readings) if month.starts_at >= readings[0].read_at]
    numbers = [monthly_production(month, readings).production_wh for month in months]
    assert [monthly_production(month, both).production_wh for month in months] == numbers
    assert list_drops(both) == ()


@given(rising(), st.integers(FROM_AT, UNTIL_AT))
def test_an_ended_meter_counts_to_its_end_and_no_further(readings: Sequence[Reading], read_until: int) -> None:
    """The months together are what the register gained until the end, and the meter has no part in later months."""
    parts = [monthly_production(month, readings, read_until=read_until) for month in _months(readings)]
    counted = [reading.register_wh for reading in readings if reading.read_at <= read_until]
    assert sum(part.production_wh or 0 for part in parts) == (counted[-1] - counted[0] if counted else 0)
    for part in parts:
        if has_ended(part.month, read_until):
            assert system_production(part.month, [part]).production_wh is None
            assert part.closing is None


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.one_of(st.none(), st.integers(1, 10**9)))
def test_no_number_is_negative_or_beyond_the_nameplate(opening: int, closing: int, power_w_max: int | None) -> None:
    """A difference is never negative, and a rollover never more than the nameplate could make."""
    modulus = 10**12
    earlier, later = _reading(FROM_AT, opening, modulus), _reading(FROM_AT + 3_600_000, closing, modulus)
    energy = register_difference(earlier, later, power_w_max)
    if closing >= opening:
        assert energy == closing - opening
    elif isinstance(energy, Finding):
        assert energy.forbids
    else:
        assert power_w_max is not None
        assert energy == closing + modulus - opening
        assert 0 <= energy <= power_w_max + 1


def test_a_change_of_ratio_forbids_the_number() -> None:
    """Two readings under different transformer ratios have no difference, and the finding says which in words."""
    after = replace(_reading(JULY.ends_at, 900), ratio=(200, 5))
    production = monthly_production(JULY, [_reading(JULY.starts_at, 100), after])
    assert production.production_wh is None
    (finding,) = production.findings
    assert str(finding.kind) == "ratio_changed"
    assert "from 1:1 to 200:5" in finding.text


def test_a_change_of_register_forbids_the_number() -> None:
    """Two different instruments have no difference, and the finding names both and what to do."""
    after = replace(_reading(JULY.ends_at, 900), register_id=2, instrument="EIG Shark 200")
    production = monthly_production(JULY, [_reading(JULY.starts_at, 100), after])
    assert production.production_wh is None
    (finding,) = production.findings
    assert str(finding.kind) == "register_changed"
    for words in ("CCS WattNode", "EIG Shark 200", "--make"):
        assert words in finding.text


def test_a_month_whose_readings_contradict_is_never_negative() -> None:
    """Where only unverified readings are there and the last is lower, there is a finding and no number."""
    readings = [
        replace(reading, time_quality=TimeQuality.UNKNOWN)
        for reading in (_reading(JULY.starts_at, 900), _reading(JULY.ends_at, 100))
    ]
    production = monthly_production(JULY, readings)
    assert production.production_wh is None
    assert {str(finding.kind) for finding in production.findings} == {"register_decreased", "time_unverified"}


def test_a_month_before_the_first_reading_has_nothing() -> None:
    """Where nothing was read there is no number and no reading."""
    production = monthly_production(JULY, [_reading(JULY.ends_at + 60_000, 5)])
    assert (production.production_wh, production.opening, production.complete) == (None, None, False)
