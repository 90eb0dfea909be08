"""Interval edges: none twice in a row, none missed by a clock that comes by in time, whatever steps it made before."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from edge.metering.schedule import (
    HOUR_MS,
    STEP_MS,
    ClockSeen,
    Due,
    edges_due,
    grace_ms,
    is_near_month_edge,
    last_edge_now,
    next_edge,
)

INTERVALS = st.sampled_from([1_000, 60_000, 300_000, 900_000, 3_600_000])
TIMES = st.integers(0, 4_000_000_000_000)
QUARTER = 900_000
ZONES = ("America/New_York", "Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12", "UTC")


@given(now=TIMES, interval=INTERVALS)
def test_the_next_edge_is_the_first_one_not_past(now: int, interval: int) -> None:
    """It is a whole number of intervals since 1970, at or after now, and less than an interval away."""
    edge = next_edge(now, interval)
    assert edge % interval == 0
    assert 0 <= edge - now < interval


@given(start=TIMES, interval=INTERVALS, lateness=st.lists(st.integers(0, 498), min_size=1, max_size=30))
def test_every_edge_is_polled_exactly_once(start: int, interval: int, lateness: list[int]) -> None:
    """Whoever wakes when told, or less than half an interval later, polls every edge once and in order."""
    journaled: list[int] = []
    now = next_edge(start, interval)
    for late in (thousandths * interval // 1000 for thousandths in lateness):
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
    """After a restart the newest edge is polled if it is less than half an interval old, and left alone if not."""
    edge = now // interval * interval
    assert edges_due(None, now, interval).edge_ms == (edge if 2 * (now - edge) < interval else None)


STEPS = st.tuples(st.integers(0, 6000), st.integers(-3000, 3000))
"""How long a clock runs undisturbed and by how much it is set then, in thousandths of an interval."""


@given(
    start=st.integers(10**12, 2 * 10**12),
    interval=INTERVALS,
    steps=st.lists(STEPS, max_size=20),
    has_polled=st.booleans(),
)
def test_no_undisturbed_stretch_is_without_a_due_edge(
    start: int, interval: int, steps: list[tuple[int, int]], *, has_polled: bool
) -> None:
    """However a clock was set to and fro, while it runs an edge comes due within an interval and its grace."""
    last = next_edge(start, interval) if has_polled else None
    wall = start
    for runs, step in steps:
        ends = wall + runs * interval // 1000
        undisturbed_since = wall
        while wall < ends:
            due = edges_due(last, wall, interval)
            if due.edge_ms is None:
                wall = min(due.wake_at, ends)
            else:
                assert due.edge_ms != last
                last, undisturbed_since = due.edge_ms, wall
            assert wall - undisturbed_since <= interval + grace_ms(interval)
        wall += step * interval // 1000


@given(edge=TIMES, interval=INTERVALS, overrun=st.integers(0, 499))
def test_a_cycle_that_overran_the_next_edge_costs_no_reading(edge: int, interval: int, overrun: int) -> None:
    """Whoever comes back from a cycle less than half an interval after the next edge still polls it."""
    edge = next_edge(edge, interval)
    back_at = edge + interval + overrun * interval // 1000
    assert edges_due(edge, back_at, interval) == Due(edge + interval, edge + 2 * interval)


@given(edge=TIMES, interval=INTERVALS, after=st.integers(0, 999))
def test_a_restart_polls_no_edge_twice(edge: int, interval: int, after: int) -> None:
    """An agent that comes back on the same clock leaves the edge it has journaled alone."""
    edge = next_edge(edge, interval)
    assert edges_due(edge, edge + after * interval // 1000, interval) == Due(None, edge + interval)


def test_exactly_on_the_edge_it_is_due() -> None:
    """A clock that stands on the edge polls it, unless it is journaled."""
    assert edges_due(None, 2 * QUARTER, QUARTER) == Due(2 * QUARTER, 3 * QUARTER)
    assert edges_due(QUARTER, 2 * QUARTER, QUARTER) == Due(2 * QUARTER, 3 * QUARTER)
    assert edges_due(2 * QUARTER, 2 * QUARTER, QUARTER) == Due(None, 3 * QUARTER)


def test_a_small_step_back_over_an_edge_polls_nothing_twice() -> None:
    """A clock set back by seconds comes to the journaled edge again and passes it."""
    assert edges_due(2 * QUARTER, 2 * QUARTER - 1_500, QUARTER) == Due(None, 2 * QUARTER)
    assert edges_due(2 * QUARTER, 2 * QUARTER, QUARTER) == Due(None, 3 * QUARTER)


def test_a_clock_set_back_does_not_stop_polling() -> None:
    """If the journal is ahead, its edges were other instants, and polling goes on now."""
    assert edges_due(2 * QUARTER, QUARTER + 120_000, QUARTER) == Due(QUARTER, 2 * QUARTER)
    assert edges_due(3 * QUARTER, 2 * QUARTER, QUARTER) == Due(2 * QUARTER, 3 * QUARTER)
    assert edges_due(1000 * QUARTER, 2 * QUARTER, QUARTER) == Due(2 * QUARTER, 3 * QUARTER)


@given(edges=st.integers(1, 10**6), step=st.integers(-(10**12), 10**12), verified=st.booleans())
def test_a_step_of_the_clock_takes_the_last_poll_with_it(edges: int, step: int, *, verified: bool) -> None:
    """In one boot the last poll is as long ago by the clock as by boottime, to an interval; a correction is no step."""
    before, now = ClockSeen(1, 0, is_verified=verified), ClockSeen(1, step, is_verified=True)
    last = last_edge_now(edges * QUARTER, before, now, QUARTER)
    assert last is not None
    if abs(step) < STEP_MS:
        assert last == edges * QUARTER
    else:
        assert last % QUARTER == 0
        assert 0 <= edges * QUARTER + step - last < QUARTER
    assert before.is_like(now) == (verified and abs(step) < STEP_MS)


def test_between_boots_only_good_clocks_tell() -> None:
    """Two verified clocks agree on when the last poll was; with one that is not, nobody knows. Unknown is believed."""
    good, bad = ClockSeen(1, 7, is_verified=True), ClockSeen(2, 9, is_verified=False)
    assert last_edge_now(QUARTER, good, ClockSeen(2, 9, is_verified=True), QUARTER) == QUARTER
    assert last_edge_now(QUARTER, good, bad, QUARTER) is None
    assert last_edge_now(QUARTER, bad, good, QUARTER) is None
    assert last_edge_now(QUARTER, None, bad, QUARTER) == QUARTER


@given(st.integers(2000, 2099), st.integers(1, 12), st.sampled_from(ZONES))
def test_every_month_of_every_zone_begins_near_a_copied_edge(year: int, month: int, zone: str) -> None:
    """The first instant of a month in any zone of whole hours is copied; an instant that is not an hour never is."""
    edge_ms = int(datetime(year, month, 1, tzinfo=ZoneInfo(zone)).timestamp()) * 1000
    assert is_near_month_edge(edge_ms)
    assert not is_near_month_edge(edge_ms + HOUR_MS // 4)


@given(st.integers(2000, 2099), st.integers(1, 12))
def test_twenty_seven_hours_a_month_are_copied(year: int, month: int) -> None:
    """Around the first of a month in UTC, and at no other hour of it."""
    first_ms = int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
    copied = [hour for hour in range(-15 * 24, 15 * 24) if is_near_month_edge(first_ms + hour * HOUR_MS)]
    assert copied == list(range(-14, 13))
