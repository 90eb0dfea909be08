"""When a reading was taken: what the same boot knew later, and nothing else, may say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules.placing import AGREES_MS_MAX, agrees, is_doubtful, placed_at, synchronised_offset, true_at
from protocol.messages import ClockEvent, TimeQuality
from tests.hub.making import JULY_AT, make_meter, make_readings


@given(
    boottime=st.integers(0, 10**12),
    true_offset=st.integers(0, 4 * 10**12),
    error=st.integers(-(10**12), 10**12),
    elapsed=st.integers(0, 10**10),
)
def test_a_clock_s_error_moves_no_placed_reading(boottime: int, true_offset: int, error: int, elapsed: int) -> None:
    """However wrong the clock was, a reading lies as long before the instant of synchronisation as boottime says."""
    read_at = boottime + true_offset + error
    synchronised_at = boottime + elapsed + true_offset
    assert placed_at(boottime, true_offset) == synchronised_at - elapsed
    assert agrees(read_at, boottime, true_offset) == (abs(error) <= AGREES_MS_MAX)


@pytest.mark.parametrize(
    ("read_at", "quality", "offset", "counts_at"),
    [
        (5_000, TimeQuality.UNKNOWN, 90_000, 91_000),
        (5_000, TimeQuality.INFORMATIVE, 90_000, 91_000),
        (5_000, TimeQuality.UNKNOWN, None, 5_000),
        (5_000, TimeQuality.SYNCHRONISED, 90_000, 5_000),
        (91_900, TimeQuality.UNKNOWN, 90_000, 91_900),
    ],
)
def test_a_reading_counts_where_its_boot_places_it(
    read_at: int, quality: TimeQuality, offset: int | None, counts_at: int
) -> None:
    """As read where its clock was synchronised or right, or where its boot never knew the time; else placed."""
    assert true_at(read_at, 1_000, quality, offset) == counts_at


@pytest.mark.parametrize("quality", TimeQuality)
def test_only_what_nobody_vouched_for_is_doubtful(quality: TimeQuality) -> None:
    """An unset clock and a battery clock need their boot's word; a synchronised one, in holdover too, does not."""
    assert is_doubtful(quality) == (quality in {TimeQuality.UNKNOWN, TimeQuality.INFORMATIVE})


def test_the_first_synchronised_reading_gives_the_offset() -> None:
    """Offsets of readings before it say nothing, and later ones are not needed."""
    readings = replace(
        make_readings(make_meter(), [1, 2, 3], JULY_AT),
        offset_ms=(10, 20, 30),
        quality=(TimeQuality.UNKNOWN, TimeQuality.SYNCHRONISED, TimeQuality.HOLDOVER),
    )
    assert synchronised_offset(readings) == 20
    assert synchronised_offset(replace(readings, quality=(TimeQuality.INFORMATIVE,) * 3)) is None


@pytest.mark.parametrize(("source", "offset"), [(0, None), (1, None), (2, 7), (3, None), (4, 7), (5, None)])
def test_a_clock_event_counts_if_its_source_is_time_itself(source: int, offset: int | None) -> None:
    """NTP and GNSS give the time; an operator, a battery clock or nobody in particular does not."""
    assert synchronised_offset(ClockEvent(5, 6, 7, source, error_ms=0)) == offset
