"""Production quarters: three months each, in order, and certificates half a year later."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InputError
from hub.rules.periods import ProductionMonth
from hub.rules.quarters import ProductionQuarter, gis_calendar, is_exported, parse_quarter, quarter_of
from hub.rules.windows import midnight_at, window_of

quarters = st.builds(ProductionQuarter, st.integers(1970, 2998), st.integers(1, 4))


@given(quarters)
def test_a_quarter_holds_its_months(quarter: ProductionQuarter) -> None:
    """Its three months are of it, follow one another, and the next one is not of it."""
    first, second, third = quarter.months
    assert (first.next(), second.next()) == (second, third)
    assert {quarter_of(month) for month in quarter.months} == {quarter}
    assert quarter_of(third.next()) > quarter
    assert (quarter.begins_on.year, quarter.begins_on.month) == (first.year, first.month)


@given(quarters)
def test_every_month_can_be_reported_before_its_quarter_is_sent(quarter: ProductionQuarter) -> None:
    """Even the month after the last can fill a gap: two more windows close before the quarter counts as exported."""
    last = quarter.months[-1]
    assert window_of(last.next().next()).closes_at < midnight_at(gis_calendar(quarter).upload_on)
    assert not is_exported(last, window_of(last).closes_at)


@given(quarters)
def test_dates_follow_one_another(quarter: ProductionQuarter) -> None:
    """Sent, then created, then traded until two months later."""
    calendar = gis_calendar(quarter)
    assert calendar.upload_on < calendar.created_on < calendar.trading_ends_on
    assert calendar.created_on.month in {1, 4, 7, 10}


@given(quarters)
def test_a_quarter_is_read_back(quarter: ProductionQuarter) -> None:
    """A quarter survives being written, also without its hyphen and in small letters."""
    text = str(quarter)
    assert parse_quarter(text) == parse_quarter(text.replace("-", "").lower()) == quarter


@pytest.mark.parametrize("text", ["2024", "2024-Q5", "2024-Q0", "Q1-2024", "24-Q1", "", "2024-Q1 "])
def test_what_is_no_quarter_is_refused_by_name(text: str) -> None:
    """The refusal shows what was written and an example."""
    with pytest.raises(InputError, match=r"is not a production quarter: write it as YYYY-Qn, such as 2024-Q1"):
        parse_quarter(text)


@pytest.mark.parametrize(("year", "quarter"), [(2024, 5), (2024, 0), (1969, 1), (3000, 1)])
def test_there_are_four_quarters_in_each_of_our_years(year: int, quarter: int) -> None:
    """Anything else is refused."""
    with pytest.raises(InputError):
        ProductionQuarter(year, quarter)


def test_the_last_quarter_has_its_dates() -> None:
    """The dates of the last quarter are in a year that has no production months any more."""
    assert str(gis_calendar(quarter_of(ProductionMonth(2999, 12))).created_on) == "3000-04-15"
