"""Production months: their edges in the regulator's zone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InputError
from hub.rules.instants import format_instant, parse_instant
from hub.rules.periods import ProductionMonth, month_of, months_through, parse_month

months = st.builds(ProductionMonth, st.integers(1970, 2998), st.integers(1, 12))
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("month", "starts", "ends", "hours"),
    [
        ("2024-01", "2024-01-01T05:00:00Z", "2024-02-01T05:00:00Z", 744),
        ("2024-02", "2024-02-01T05:00:00Z", "2024-03-01T05:00:00Z", 696),
        ("2025-02", "2025-02-01T05:00:00Z", "2025-03-01T05:00:00Z", 672),
        ("2016-03", "2016-03-01T05:00:00Z", "2016-04-01T04:00:00Z", 743),
        ("2023-11", "2023-11-01T04:00:00Z", "2023-12-01T05:00:00Z", 721),
        ("2016-07", "2016-07-01T04:00:00Z", "2016-08-01T04:00:00Z", 744),
    ],
)
def test_edges_are_local_midnights(month: str, starts: str, ends: str, hours: int) -> None:
    """A month begins and ends at midnight in Massachusetts, also where the clocks change inside it."""
    parsed = parse_month(month)
    assert (format_instant(parsed.starts_at), format_instant(parsed.ends_at)) == (starts, ends)
    assert parsed.ends_at - parsed.starts_at == hours * HOUR_MS


@given(months)
def test_months_tile_time(month: ProductionMonth) -> None:
    """Every month ends where the next one starts, and owns its first and its last millisecond."""
    assert month.ends_at == month.next().starts_at
    assert month_of(month.starts_at) == month_of(month.ends_at - 1) == month
    assert month_of(month.ends_at) == month.next()


@given(months)
def test_text_is_read_back(month: ProductionMonth) -> None:
    """A month survives being written."""
    assert parse_month(str(month)) == month


@pytest.mark.parametrize("text", ["2016-7", "2016-13", "2016-00", "201607", "July 2016", "", "2016-07-01", "9999-01"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    """What is no month is refused with the text itself and an example."""
    with pytest.raises(InputError, match="YYYY-MM"):
        parse_month(text)


def test_no_months_through_an_earlier_one() -> None:
    """Where the last month is earlier than the first there is nothing to go through."""
    assert list(months_through(parse_month("2017-02"), parse_month("2016-11"))) == []


def test_months_through_a_new_year() -> None:
    """A range of months includes both ends and passes December."""
    named = [str(month) for month in months_through(parse_month("2016-11"), parse_month("2017-02"))]
    assert named == ["2016-11", "2016-12", "2017-01", "2017-02"]


@given(st.integers(0, 4_000_000_000_000))
def test_instants_survive_being_written(at_ms: int) -> None:
    """An instant is read back to the millisecond."""
    assert parse_instant(format_instant(at_ms)) == at_ms


@given(st.integers())
def test_any_instant_can_be_written(at_ms: int) -> None:
    """However wrong a clock was, what it said can be shown."""
    assert format_instant(at_ms)


def test_the_last_month_has_an_end() -> None:
    """Asking for the last month there is names no other; the one after it is refused with the range."""
    last = parse_month("2999-12")
    assert format_instant(last.ends_at) == "3000-01-01T05:00:00Z"
    assert list(months_through(last, last)) == [last]
    with pytest.raises(
        InputError, match="3000-01 is not a production month: write it as YYYY-MM, from 1970-01 to 2999"
    ):
        parse_month("3000-01")


@pytest.mark.parametrize("text", ["2016-07-01T04:00:00", "yesterday"])
def test_an_instant_without_zone_is_refused(text: str) -> None:
    """A time that could mean two instants is not taken."""
    with pytest.raises(InputError, match=r"end it with Z|RFC 3339"):
        parse_instant(text)
