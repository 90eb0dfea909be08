"""How a device did: its link as looks found it, polls that failed by day and cause, and what it stated."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from hub.errors import UnknownSubjectError
from hub.fleet.links import LinkChange
from hub.rules.windows import midnight_at
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.read_device_course import CHANGES_MAX, EVENTS_SHOWN, DeviceCourse, read_device_course
from hub.store import link_changes
from protocol.messages import MeterEvent, PollCause, PollErrors
from tests.hub.making import NOW, TERMS, MadeDevice, make_meter

if TYPE_CHECKING:
    from hub.store.database import Database

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
TODAY = date(2017, 7, 13)
"""The regulator's day of `NOW`."""
DEVICE = MadeDevice()


def course(database: Database, at: int = NOW) -> DeviceCourse:
    """Return how the device did."""
    with database.read() as connection:
        return read_device_course(connection, DEVICE.text, at)


def test_polls_that_failed_are_counted_by_day_and_cause(registered: Database) -> None:
    """Seven days of the regulator's, today first; what lies before is not told, what is dated ahead is of today."""
    device, midnight, first = MadeDevice(), midnight_at(TODAY), midnight_at(date(2017, 7, 7))
    failed: dict[int, dict[str, int]] = {
        midnight + HOUR_MS: {PollCause.TIMEOUT: 3, PollCause.BAD_REPLY: 4},
        midnight + 2 * HOUR_MS: {PollCause.TIMEOUT: 2},
        midnight - HOUR_MS: {PollCause.TIMEOUT: 7},
        first + HOUR_MS: {PollCause.BAD_REPLY: 1},
        first - HOUR_MS: {PollCause.BAD_REPLY: 9},
        midnight + 2 * DAY_MS: {PollCause.TIMEOUT: 1},
    }
    device.seal(make_meter(), *(PollErrors(0, at - HOUR_MS, at, causes) for at, causes in failed.items()))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    days = course(registered).failed
    assert [one.on.day for one in days] == [13, 12, 11, 10, 9, 8, 7]
    assert list(days[0].causes.items()) == [("timeout", 6), ("bad-reply", 4)]
    assert [one.polls for one in days] == [10, 7, 0, 0, 0, 0, 1]


def test_events_are_the_last_of_all_its_meters(registered: Database) -> None:
    """Registered or not, the newest first, and no more than are shown."""
    device = MadeDevice()
    device.seal(make_meter(0, "A"), make_meter(1, "B"))
    device.seal(*(MeterEvent(place % 2, NOW - place * HOUR_MS, "stale") for place in range(1, EVENTS_SHOWN + 5)))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    events = course(registered).events
    assert len(events) == EVENTS_SHOWN
    assert [one.stated.at for one in events] == [NOW - place * HOUR_MS for place in range(1, EVENTS_SHOWN + 1)]
    assert {one.stated.serial for one in events} == {"A", "B"}


def test_the_link_begins_with_the_first_look(registered: Database) -> None:
    """Nothing is told before it; after it each change, over both times that are drawn."""
    assert course(registered).links == {7: (), 30: ()}
    answer_state(registered, DEVICE.id, DEVICE.state(), terms=TERMS, now=NOW - 10 * DAY_MS, retained=False)
    evaluate_alerts(registered, 0, NOW - 10 * DAY_MS)
    answer_state(registered, DEVICE.id, DEVICE.state(online=False), terms=TERMS, now=NOW - 9 * DAY_MS, retained=False)
    evaluate_alerts(registered, 0, NOW - 9 * DAY_MS + 1)
    links = course(registered).links
    assert [(one.link, one.from_at) for one in links[7]] == [("offline", NOW - 7 * DAY_MS)]
    assert [(one.link, one.from_at) for one in links[30]] == [
        ("online", NOW - 10 * DAY_MS),
        ("offline", NOW - 9 * DAY_MS),
    ]


def test_a_link_that_never_rests_is_told_from_its_last_changes_on(registered: Database) -> None:
    """However often it changed, what is read is bounded."""
    minute = 60_000
    kinds = (("online", "offline"), ("offline", "online"))
    some = [LinkChange(NOW - place * minute, *kinds[place % 2]) for place in range(1, CHANGES_MAX + 10)]
    with registered.write() as connection:
        link_changes.add_changes(connection, [(DEVICE.id, one) for one in some])
    spans = course(registered).links[30]
    assert (spans[0].from_at, spans[-1].until_at) == (NOW - CHANGES_MAX * minute, NOW)


def test_a_device_that_nobody_registered_has_no_course(registered: Database) -> None:
    """It is refused by its name."""
    with registered.read() as connection, pytest.raises(UnknownSubjectError, match=MadeDevice(9).text):
        read_device_course(connection, MadeDevice(9).text, NOW)
