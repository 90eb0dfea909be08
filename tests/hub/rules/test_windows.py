"""Reporting windows: they follow one another, and hold every instant that they should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InputError
from hub.rules.periods import ProductionMonth, date_at, month_of
from hub.rules.windows import midnight_at, next_window, refuse_closed, reporting_month, window_at, window_of

HOUR_MS = 3_600_000
months = st.builds(ProductionMonth, st.integers(1970, 2998), st.integers(1, 12))
instants = st.integers(0, 32_000_000_000_000)


@given(months)
def test_windows_never_overlap(month: ProductionMonth) -> None:
    """A window is closed before the next one opens, and holds the instant at which its month ends."""
    window, following = window_of(month), window_of(month.next())
    assert window.opens_at < month.ends_at < window.closes_at < following.opens_at


@given(st.builds(ProductionMonth, st.integers(2007, 2998), st.integers(1, 12)))
def test_windows_have_ten_days(month: ProductionMonth) -> None:
    """Since 2007 a window has 240 hours, or 241 where the clocks go back in it: that is in October only."""
    window = window_of(month)
    hours, rest = divmod(window.closes_at - window.opens_at, HOUR_MS)
    assert rest == 0
    assert hours == 240 or (hours == 241 and month.month == 10)


@given(months)
def test_a_window_holds_its_edges(month: ProductionMonth) -> None:
    """The first instant and the last millisecond are inside, the one before and the one after are not."""
    window = window_of(month)
    assert window_at(window.opens_at) == window_at(window.closes_at - 1) == window
    assert window_at(window.opens_at - 1) is window_at(window.closes_at) is None


@given(instants)
def test_an_instant_is_in_one_window_or_before_one(at_ms: int) -> None:
    """What is not in a window is refused and told the next one; what is in one reports its month."""
    window, following = window_at(at_ms), next_window(at_ms)
    assert following.opens_at > at_ms
    assert (refuse_closed(at_ms) is None) is (window is not None)
    if window is None:
        assert reporting_month(at_ms) is None
    else:
        assert window.opens_at <= at_ms < window.closes_at
        assert reporting_month(at_ms) == window.month
        assert following.month == window.month.next()
        assert month_of(at_ms) in {window.month, window.month.next()}


@given(instants)
def test_a_day_holds_its_instants(at_ms: int) -> None:
    """A day begins at its midnight, at most 25 hours before any of its instants."""
    assert 0 <= at_ms - midnight_at(date_at(at_ms)) < 25 * HOUR_MS


@pytest.mark.parametrize("at_ms", [-(1 << 62), 0, window_of(ProductionMonth(2999, 12)).closes_at, 1 << 62])
def test_no_clock_is_too_wrong_to_be_told(at_ms: int) -> None:
    """Before the first window and after the last there is none, however far away the instant is."""
    assert window_at(at_ms) is None


def test_the_first_and_the_last_window() -> None:
    """The last month there is can be reported to its window's end; nothing opens after it."""
    last = window_of(ProductionMonth(2999, 12))
    assert window_at(last.closes_at - 1) == last
    assert next_window(0).month == ProductionMonth(1970, 1)
    with pytest.raises(InputError, match="3000-01"):
        next_window(last.opens_at)
