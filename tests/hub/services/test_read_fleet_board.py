"""The fleet board as it is read: seven days of the regulator's, hours that nobody knows, and the head of a window."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from hub.fleet.axes import Axis, Urgency
from hub.fleet.looks import HOUR_MS, FleetLook
from hub.fleet.standing import Standing
from hub.rules.instants import parse_instant
from hub.rules.windows import window_of
from hub.services.draw_board import draw_board
from hub.services.read_fleet_board import read_fleet_board
from hub.services.read_window_head import DAYS_BEFORE, read_window_head
from hub.store import fleet_hours
from hub.store.fleet_hours import FleetHour
from tests.hub.reporting import JAN

if TYPE_CHECKING:
    from hub.store.database import Database

DAY_MS = 86_400_000
AUTUMN = parse_instant("2024-11-03T20:30:00Z")
"""The afternoon of a day whose clocks went back."""


def test_days_are_the_regulators(registered: Database) -> None:
    """One whose clocks go back has an hour more, today those that have begun; each hour is in its place, or unknown."""
    hour = FleetHour(AUTUMN - AUTUMN % HOUR_MS - 3 * HOUR_MS, AUTUMN, 8, 7, 1, 2, 3)
    with registered.write() as connection:
        fleet_hours.save_hour(connection, hour)
    board = read_fleet_board(registered, None, AUTUMN, broker_connected=None)
    assert [(one.on.day, len(one.hours)) for one in board.days[-2:]] == [(2, 24), (3, 17)]
    assert (len(board.days), board.days[0].on) == (7, date(2024, 10, 28))
    assert board.days[-1].hours.index(hour) == 13
    assert board.hours == board.past_hours == (hour,)
    assert (board.look, board.axes, board.bad) == (None, {}, ())


def test_the_hour_that_goes_on_is_not_past(registered: Database) -> None:
    """What came in it is not all yet."""
    hour = FleetHour(AUTUMN - AUTUMN % HOUR_MS, AUTUMN, 8, 7, 1, 2, 3)
    with registered.write() as connection:
        fleet_hours.save_hour(connection, hour)
    board = read_fleet_board(registered, None, AUTUMN, broker_connected=None)
    assert (board.hours, board.past_hours) == ((hour,), ())


def test_words_stand_under_their_urgency(registered: Database) -> None:
    """And a check of the hub that is not good is named."""
    counts: dict[Axis, dict[str, int]] = {axis: {} for axis in Axis}
    counts[Axis.LINK] = {"silent": 2, "online": 5}
    look = FleetLook(AUTUMN, counts, 7, 5, 0, 0, None)
    board = read_fleet_board(registered, look, AUTUMN, broker_connected=False)
    assert board.axes[Axis.LINK] == {Urgency.BAD: (("silent", 2),), Urgency.WARN: (), Urgency.OK: (("online", 5),)}
    assert [one.name for one in board.bad] == ["broker"]


def test_a_window_leads_from_five_days_before_until_it_closes(registered: Database) -> None:
    """Its standings are those of the last look at this month, and of no other."""
    window, following = window_of(JAN), window_of(JAN.next())
    first = following.opens_at - DAYS_BEFORE * DAY_MS
    draw_board(registered, window.opens_at)
    with registered.read() as connection:
        within = read_window_head(connection, window.opens_at)
        between = read_window_head(connection, first - 1)
        before = read_window_head(connection, first)
        opened = read_window_head(connection, following.opens_at)
    assert within is not None
    assert within.counts is not None
    assert set(within.counts) == set(Standing)
    assert (
        within.lacking == sum(one.systems for one in within.counts.values()) - within.counts[Standing.NOT_DUE].systems
    )
    assert between is None
    assert before is not None
    assert (before.window, before.is_open, before.counts, before.lacking_wh) == (following, False, None, 0)
    assert opened is not None
    assert (opened.is_open, opened.counts, opened.lacking) == (True, None, 0)
