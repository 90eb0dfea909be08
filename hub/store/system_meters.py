"""Which meters each registered system has, by their ids, in the order in which a whole fleet is gone over."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from hub.store.schema import meter, system

if TYPE_CHECKING:
    from sqlalchemy import Connection

SYSTEMS_AT_ONCE = 2_000
"""How many systems are in memory while a whole fleet is gone over."""


def list_meters_after(connection: Connection, after: str, limit: int = SYSTEMS_AT_ONCE) -> dict[str, tuple[int, ...]]:
    """Return the next `limit` registered systems after a PTS id, each with the ids of its meters, by PTS id."""
    chosen = select(system.c.pts_id).where(system.c.pts_id > after).order_by(system.c.pts_id).limit(limit)
    systems: dict[str, tuple[int, ...]] = {row.pts_id: () for row in connection.execute(chosen)}
    if systems:
        rows = connection.execute(
            select(meter.c.system, meter.c.id)
            .where(meter.c.system > after, meter.c.system <= next(reversed(systems)))
            .order_by(meter.c.system, meter.c.id)
        )
        for row in rows:
            systems[row.system] += (row.id,)
    return systems


def count_systems(connection: Connection) -> int:
    """Return how many systems are registered."""
    return int(connection.execute(select(func.count()).select_from(system)).scalar_one())


def list_meters_of(connection: Connection, pts_id: str) -> tuple[int, ...]:
    """Return the ids of a system's meters."""
    rows = connection.execute(select(meter.c.id).where(meter.c.system == pts_id).order_by(meter.c.id))
    return tuple(row.id for row in rows)


def list_serials(connection: Connection, pts_id: str) -> tuple[tuple[int, str], ...]:
    """Return the ids and serial numbers of a system's meters, in the order in which they were registered."""
    rows = connection.execute(select(meter.c.id, meter.c.serial).where(meter.c.system == pts_id).order_by(meter.c.id))
    return tuple((row.id, row.serial) for row in rows)


def list_meters_between(connection: Connection, first: str, last: str) -> dict[str, tuple[int, ...]]:
    """Return the ids of the meters of each system from one PTS id to another, by PTS id."""
    rows = connection.execute(
        select(meter.c.system, meter.c.id)
        .where(meter.c.system.between(first, last))
        .order_by(meter.c.system, meter.c.id)
    )
    return {
        pts_id: tuple(row.id for row in group) for pts_id, group in itertools.groupby(rows, key=lambda row: row.system)
    }
