"""Properties of reminders: one occasion at a time, no mail twice, nobody told of what is reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InputError
from hub.rules.facts import ReportingMode
from hub.rules.instants import to_instant
from hub.rules.periods import REGULATOR_ZONE, ProductionMonth
from hub.rules.quarters import ProductionQuarter, parse_quarter, quarter_of
from hub.rules.reminders import Occasion, occasion_times, reminders_due, turn_at
from hub.rules.responsibilities import Duty, Responsibility, Responsible
from tests.hub.rules.ask_reminders import GivenWindow

HOUR_MS = 3_600_000
MONTHS = st.builds(ProductionMonth, st.integers(1990, 2100), st.integers(1, 12))
ADDRESSES = st.sampled_from(["ann@example.org", "Ann@Example.org", "bea@example.org", "dan@example.org"])


def make_window(month: ProductionMonth) -> GivenWindow:
    """Return ten days around the month's end, on the wall clock."""
    turn = datetime.fromtimestamp(month.ends_at // 1000, UTC).astimezone(REGULATOR_ZONE)
    opens, closes = turn - timedelta(days=5), turn + timedelta(days=5)
    return GivenWindow(month, to_instant(opens.astimezone(UTC)), to_instant(closes.astimezone(UTC)))


@st.composite
def responsibilities(draw: st.DrawFn, month: ProductionMonth) -> tuple[Responsibility, ...]:
    """Return some systems, with and without the month, and who answers for them."""
    who = st.builds(Responsible, st.sampled_from(Duty), st.just("Name"), ADDRESSES)
    number = draw(st.integers(0, 6))
    return tuple(
        Responsibility(
            system=f"S-{place}",
            name="",
            capacity_w_dc=5000,
            mode=draw(st.sampled_from(ReportingMode)),
            responsible=tuple(draw(st.lists(who, max_size=3))),
            missing=(month,) if draw(st.booleans()) else (),
            last=None,
        )
        for place in range(number)
    )


@given(MONTHS)
def test_occasions_follow_one_another_to_the_close(month: ProductionMonth) -> None:
    """They are in order, begin at local midnight but for the last six hours, and lie as far from the close as named."""
    window = make_window(month)
    times = dict(occasion_times(window))
    assert list(times.values()) == sorted(set(times.values()))
    assert window.closes_at - times[Occasion.SIX_HOURS_LEFT] == 6 * HOUR_MS
    for occasion, at in times.items():
        local = datetime.fromtimestamp(at // 1000, UTC).astimezone(REGULATOR_ZONE)
        assert local.hour == (18 if occasion is Occasion.SIX_HOURS_LEFT else 0)


@given(MONTHS, st.integers(-2 * HOUR_MS, 900 * HOUR_MS))
def test_at_any_instant_one_occasion_counts(month: ProductionMonth, after: int) -> None:
    """From the opening to the next opening there is exactly one, and it counts until the next begins."""
    window, following = make_window(month), make_window(month.next())
    at = window.opens_at + after
    turn = turn_at(window, following, at)
    assert (turn is not None) == (window.opens_at <= at < following.opens_at)
    if turn is not None:
        began_at = dict(occasion_times(window))[turn.occasion]
        assert began_at <= at < turn.until_at
        later = turn_at(window, following, turn.until_at)
        assert later is None or later.occasion is not turn.occasion


@given(st.data(), MONTHS, st.integers(0, 600 * HOUR_MS))
def test_nobody_is_told_twice_or_of_what_is_reported(data: st.DataObject, month: ProductionMonth, after: int) -> None:
    """A mail goes once to each person, names only what is missing, and nothing is left once all was said."""
    window, following = make_window(month), make_window(month.next())
    turn = turn_at(window, following, window.opens_at + after)
    assert turn is not None
    systems = data.draw(responsibilities(month))
    due = reminders_due(turn, systems)
    assert len({each.share.recipient for each in due}) == len(due)
    assert all(month in one.missing for each in due for one in each.share.systems)
    assert reminders_due(turn, systems, {each.key for each in due}) == ()


@given(MONTHS)
def test_a_quarter_holds_the_months_that_belong_to_it(month: ProductionMonth) -> None:
    """Every month is one of the three of its quarter, and the quarter reads as it is written."""
    quarter = quarter_of(month)
    assert quarter.months.count(month) == 1
    assert {quarter_of(each) for each in quarter.months} == {quarter}
    assert parse_quarter(str(quarter)) == quarter


def test_a_quarter_is_three_months() -> None:
    """The first begins in January, the last ends in December."""
    assert [str(month) for month in ProductionQuarter(2024, 1).months] == ["2024-01", "2024-02", "2024-03"]
    assert [str(month) for month in ProductionQuarter(2024, 4).months] == ["2024-10", "2024-11", "2024-12"]


@pytest.mark.parametrize("text", ["", "2024", "2024-Q5", "2024-Q0", "24-Q1", "2024-Q1 ", "3000-Q1"])
def test_what_is_no_quarter_is_refused(text: str) -> None:
    """The sentence says how a quarter or a month is written."""
    with pytest.raises(InputError, match="write it as YYYY-"):
        parse_quarter(text)
