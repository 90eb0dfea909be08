"""Read how a device did in the last days: how it was heard, which polls failed, and what it stated of its meters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from hub.fleet.links import link_spans
from hub.rules.periods import date_at
from hub.rules.windows import midnight_at
from hub.services.find_device import find_device
from hub.services.read_events import read_device_events
from hub.store import device_axes, link_changes, poll_errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlalchemy import Connection

    from hub.fleet.links import LinkSpan
    from hub.services.read_events import EventView
    from protocol.identity import DeviceId

_DAY_MS = 86_400_000
LINK_DAYS = (7, 30)
POLL_DAYS = 7
EVENTS_SHOWN = 20
CHANGES_MAX = 2_000
"""A link that changed more often is told from the last so many changes on."""


@dataclass(frozen=True, slots=True)
class FailedDay:
    """A day of the regulator's with the polls that failed in it, by cause, the most frequent first."""

    on: date
    causes: Mapping[str, int]

    @property
    def polls(self) -> int:
        """How many failed."""
        return sum(self.causes.values())


@dataclass(frozen=True, slots=True)
class DeviceCourse:
    """How a device did: `links` for so many days back each, empty where nobody looked; `failed` today first."""

    links: Mapping[int, tuple[LinkSpan, ...]]
    failed: tuple[FailedDay, ...]
    events: tuple[EventView, ...]


def read_device_course(connection: Connection, device_id: str, now: int) -> DeviceCourse:
    """Return how a device did in the days before `now` (UTC ms): it costs its own rows of these days.

    Raises InputError for what is no device id, UnknownSubjectError for one that is not registered.
    """
    device = find_device(connection, device_id).id
    return DeviceCourse(
        links={days: _links(connection, device, now - days * _DAY_MS, now) for days in LINK_DAYS},
        failed=_failed(connection, device, now),
        events=read_device_events(connection, device, EVENTS_SHOWN),
    )


def _links(connection: Connection, device: DeviceId, since: int, now: int) -> tuple[LinkSpan, ...]:
    changes = link_changes.list_changes(connection, device, since, CHANGES_MAX)
    link = device_axes.find_link(connection, device)
    if not changes and link is None:
        return ()
    begins_at = changes[0].at if len(changes) == CHANGES_MAX else since
    return link_spans(changes, link or "", begins_at, now)


def _failed(connection: Connection, device: DeviceId, now: int) -> tuple[FailedDay, ...]:
    dates = [date_at(now) - timedelta(days=back) for back in range(POLL_DAYS)]
    days: dict[date, Counter[str]] = {on: Counter() for on in dates}
    for one in poll_errors.list_failed(connection, device, midnight_at(dates[-1])):
        # A device's clock may be ahead: what it dates after today is of today.
        days[min(date_at(one.hour_at), dates[0])][one.cause] += one.polls
    return tuple(FailedDay(on, dict(causes.most_common())) for on, causes in days.items())
