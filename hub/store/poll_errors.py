"""Polls that failed, as devices state them: how many, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from hub.store.stated_tables import poll_error
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from sqlalchemy import Connection


_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class FailedPolls:
    """Polls that failed for one cause in spans that ended in the hour that began at `hour_at` (UTC ms)."""

    hour_at: int
    cause: str
    polls: int


def count_failed(connection: Connection, since: int) -> dict[DeviceId, dict[str, int]]:
    """Return by device and cause how many polls failed in spans that ended after an instant (UTC ms)."""
    table = poll_error
    query = (
        select(table.c.device, table.c.cause, func.sum(table.c.polls).label("polls"))
        .where(table.c.to_at > since)
        .group_by(table.c.device, table.c.cause)
        .order_by(table.c.device, table.c.cause)
    )
    found: dict[DeviceId, dict[str, int]] = {}
    for row in connection.execute(query):
        found.setdefault(DeviceId(row.device), {})[row.cause] = row.polls
    return found


def list_failed(connection: Connection, device: DeviceId, since: int) -> tuple[FailedPolls, ...]:
    """Return the polls of a device that failed in spans that ended after an instant (UTC ms), by hour and cause."""
    table = poll_error
    hour_at = table.c.to_at - table.c.to_at % _HOUR_MS
    query = (
        select(hour_at.label("hour_at"), table.c.cause, func.sum(table.c.polls).label("polls"))
        .where(table.c.device == device, table.c.to_at > since)
        .group_by(hour_at, table.c.cause)
        .order_by(hour_at, table.c.cause)
    )
    return tuple(FailedPolls(row.hour_at, row.cause, row.polls) for row in connection.execute(query))
