"""Properties of production that hold for any series of readings."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from hub.rules.periods import ProductionMonth, month_of, months_through, parse_month
from hub.rules.production import Finding, Reading, gather_evidence, monthly_production, register_difference
from protocol.identity import Epoch
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Sequence

FROM_AT = parse_month("2016-01").starts_at
UNTIL_AT = parse_month("2017-01").starts_at


def _reading(read_at: int, register_wh: int, modulus_wh: int | None = None) -> Reading:
    return Reading(
        1, read_at, register_wh, register_wh, 1, modulus_wh, (1, 1), TimeQuality.SYNCHRONISED, Epoch(bytes(8)), 0
    )


@st.composite
def rising(draw: st.DrawFn) -> Sequence[Reading]:
    """Return readings of a register that never goes down, at any instants of a year."""
    times = sorted(draw(st.sets(st.integers(FROM_AT, UNTIL_AT), min_size=1, max_size=40)))
    steps = draw(st.lists(st.integers(0, 10**9), min_size=len(times), max_size=len(times)))
    return [_reading(at, wh) for at, wh in zip(times, itertools.accumulate(steps), strict=True)]


def _months(readings: Sequence[Reading]) -> list[ProductionMonth]:
    return list(months_through(month_of(readings[0].read_at), month_of(readings[-1].read_at).next()))


@given(rising())
def test_months_add_up_to_the_register(readings: Sequence[Reading]) -> None:
    """Whatever is missing between, the months together are exactly what the register gained."""
    parts = [monthly_production(month, gather_evidence(month, readings)) for month in _months(readings)]
    assert sum(part.production_wh or 0 for part in parts) == readings[-1].register_wh - readings[0].register_wh


@given(rising())
def test_production_is_the_difference_of_the_two_readings_it_names(readings: Sequence[Reading]) -> None:
    """No number stands without the two readings it is the difference of."""
    for month in _months(readings):
        part = monthly_production(month, gather_evidence(month, readings))
        assert part.opening is not None
        assert part.closing is not None
        assert part.production_wh == part.closing.register_wh - part.opening.register_wh


@given(rising(), st.data())
def test_a_reading_inside_a_month_changes_no_number(readings: Sequence[Reading], data: st.DataObject) -> None:
    """Only the readings that open and close a month decide it: any other may be lost."""
    month = data.draw(st.sampled_from(_months(readings)))
    whole = monthly_production(month, gather_evidence(month, readings))
    kept = [reading for reading in readings if reading in (whole.opening, whole.closing)]
    assert monthly_production(month, gather_evidence(month, kept)).production_wh == whole.production_wh


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
    """Two readings under different transformer ratios have no difference."""
    month = parse_month("2016-07")
    before = _reading(month.starts_at, 100)
    after = Reading(1, month.ends_at, 900, 900, 1, None, (2, 1), TimeQuality.SYNCHRONISED, Epoch(bytes(8)), 1)
    production = monthly_production(month, gather_evidence(month, [before, after]))
    assert production.production_wh is None
    assert [str(finding.kind) for finding in production.findings] == ["ratio_changed"]


def test_a_change_of_register_forbids_the_number() -> None:
    """Two different accumulators have no difference."""
    month = parse_month("2016-07")
    after = Reading(2, month.ends_at, 900, 900, 1, None, (1, 1), TimeQuality.SYNCHRONISED, Epoch(bytes(8)), 1)
    production = monthly_production(month, gather_evidence(month, [_reading(month.starts_at, 100), after]))
    assert production.production_wh is None
    assert [str(finding.kind) for finding in production.findings] == ["register_changed"]


def test_a_month_before_the_first_reading_has_nothing() -> None:
    """Where nothing was read there is no number and no reading."""
    month = parse_month("2016-07")
    production = monthly_production(month, gather_evidence(month, [_reading(month.ends_at + 60_000, 5)]))
    assert (production.production_wh, production.opening, production.complete) == (None, None, False)
