"""Interval edges: each at most once, none missed by a clock that comes by in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.metering.schedule import GRACE_MS_MAX, Due, edges_due, grace_ms, next_edge

INTERVALS = st.sampled_from([1_000, 60_000, 300_000, 900_000, 3_600_000])
TIMES = st.integers(0, 4_000_000_000_000)
QUARTER = 900_000


@given(now=TIMES, interval=INTERVALS)
def test_the_next_edge_is_the_first_one_not_past(now: int, interval: int) -> None:
    """It is a whole number of intervals since 1970, at or after now, and less than an interval away."""
    edge = next_edge(now, interval)
    assert edge % interval == 0
    assert 0 <= edge - now < interval


@given(start=TIMES, interval=INTERVALS, lateness=st.lists(st.integers(0, 100), min_size=1, max_size=30))
def test_every_edge_is_polled_exactly_once(start: int, interval: int, lateness: list[int]) -> None:
    """Whoever wakes when told, or a little later, polls every edge once and in order."""
    journaled: list[int] = []
    now = next_edge(start, interval)
    for late in lateness:
        due = edges_due(journaled[-1] if journaled else None, now + late, interval)
        assert due.edge_ms == now
        journaled.append(due.edge_ms)
        again = edges_due(journaled[-1], now + late + 1, interval)
        assert again.edge_ms is None
        now = again.wake_at
    assert journaled == [journaled[0] + number * interval for number in range(len(lateness))]


@given(last=st.none() | TIMES, now=TIMES, interval=INTERVALS)
def test_one_always_wakes_at_the_next_edge(last: int | None, now: int, interval: int) -> None:
    """Whatever was journaled, the next look is at an edge in the future, less than an interval and a bit away."""
    due = edges_due(last, now, interval)
    assert due.wake_at % interval == 0
    assert 0 < due.wake_at - now <= interval


@given(now=TIMES, interval=INTERVALS)
def test_an_edge_is_taken_within_its_grace_only(now: int, interval: int) -> None:
    """After a restart the newest edge is polled if it is not older than the grace, and left alone if it is."""
    edge = now // interval * interval
    taken = edges_due(None, now, interval).edge_ms
    assert taken == (edge if now - edge <= grace_ms(interval) else None)


def test_the_grace_is_half_an_interval_and_a_minute_at_most() -> None:
    """Short intervals have a short grace."""
    assert (grace_ms(QUARTER), grace_ms(1_000)) == (GRACE_MS_MAX, 500)


def test_exactly_on_the_edge_it_is_due() -> None:
    """A clock that stands on the edge polls it, unless it is journaled."""
    assert edges_due(None, 2 * QUARTER, QUARTER) == Due(2 * QUARTER, 3 * QUARTER)
    assert edges_due(QUARTER, 2 * QUARTER, QUARTER) == Due(2 * QUARTER, 3 * QUARTER)
    assert edges_due(2 * QUARTER, 2 * QUARTER, QUARTER) == Due(None, 3 * QUARTER)


def test_a_step_back_over_an_edge_polls_nothing_twice() -> None:
    """A clock set back by less than an interval comes to journaled edges again and passes them."""
    assert edges_due(2 * QUARTER, 2 * QUARTER - 1_500, QUARTER) == Due(None, 2 * QUARTER)
    assert edges_due(2 * QUARTER, 2 * QUARTER, QUARTER) == Due(None, 3 * QUARTER)
    assert edges_due(2 * QUARTER, QUARTER + 30_000, QUARTER) == Due(None, 2 * QUARTER)


def test_a_clock_set_back_does_not_stop_polling() -> None:
    """If the journal is far ahead, the clock was wrong then, and polling goes on now."""
    assert edges_due(1000 * QUARTER, 2 * QUARTER, QUARTER) == Due(2 * QUARTER, 3 * QUARTER)
