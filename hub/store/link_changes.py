"""When devices came to be heard otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from hub.fleet.links import LinkChange
from hub.store.dialect import insert_or_replace
from hub.store.fleet_tables import link_change

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from protocol.identity import DeviceId


def add_changes(connection: Connection, changed: Collection[tuple[DeviceId, LinkChange]]) -> None:
    """Keep what changed of these devices."""
    if changed:
        connection.execute(
            insert_or_replace(connection, link_change, ["device", "at"], ["was", "link"]),
            [{"device": device, "at": one.at, "was": one.was, "link": one.link} for device, one in changed],
        )


def list_changes(connection: Connection, device: DeviceId, since: int, limit: int) -> tuple[LinkChange, ...]:
    """Return what changed of a device after an instant (UTC ms), in order of time; of more the last `limit`."""
    table = link_change
    query = select(table).where(table.c.device == device, table.c.at > since).order_by(table.c.at.desc()).limit(limit)
    return tuple(LinkChange(row.at, row.was, row.link) for row in reversed(connection.execute(query).all()))


def forget_changes(connection: Connection, before: int) -> None:
    """Forget what changed before an instant (UTC ms)."""
    connection.execute(delete(link_change).where(link_change.c.at < before))
