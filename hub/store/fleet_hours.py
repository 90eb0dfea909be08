"""The fleet hour by hour, as the looks of each hour found it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from hub.store.dialect import insert_or_replace
from hub.store.fleet_tables import fleet_hour

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class FleetHour:
    """An hour that began at `hour_at`, as it was at its last look (both UTC ms).

    `heard` of the devices `in_service` were heard in the hour before that look, `backlog` counts blocks that the hub
    lacked. `blocks` and `readings` are what was taken in the hour.
    """

    hour_at: int
    looked_at: int
    in_service: int
    heard: int
    backlog: int
    blocks: int
    readings: int


def find_last_hour(connection: Connection) -> FleetHour | None:
    """Return the hour that was looked at last; None before the first look."""
    row = connection.execute(select(fleet_hour).order_by(fleet_hour.c.hour_at.desc()).limit(1)).first()
    return None if row is None else FleetHour(*row)


def save_hour(connection: Connection, hour: FleetHour) -> None:
    """Keep an hour in place of what was kept of it before."""
    values = asdict(hour)
    changing = [name for name in values if name != "hour_at"]
    connection.execute(insert_or_replace(connection, fleet_hour, ["hour_at"], changing), values)


def list_hours(connection: Connection, since: int) -> tuple[FleetHour, ...]:
    """Return the hours that began at an instant (UTC ms) or later, in order of time, those with a look."""
    rows = select(fleet_hour).where(fleet_hour.c.hour_at >= since).order_by(fleet_hour.c.hour_at)
    return tuple(FleetHour(*row) for row in connection.execute(rows))


def forget_hours(connection: Connection, before: int) -> None:
    """Forget the hours that began before an instant (UTC ms)."""
    connection.execute(delete(fleet_hour).where(fleet_hour.c.hour_at < before))
