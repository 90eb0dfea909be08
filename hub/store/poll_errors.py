"""Polls that failed, as devices state them: how many, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from hub.store.stated_tables import poll_error
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from sqlalchemy import Connection


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
