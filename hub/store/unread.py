"""Meters that are registered to be read by devices, and that none of them has read for long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select

from hub.rules.registers import GENERATED_OBIS
from hub.store import schema
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from sqlalchemy import Connection, Subquery


@dataclass(frozen=True, slots=True)
class Unread:
    """A meter by its serial number, and when it was last read (UTC ms; None: never)."""

    serial: str
    read_at: int | None


def list_unread(connection: Connection, since: int, now: int) -> dict[DeviceId, tuple[Unread, ...]]:
    """Return meters that no device has read since an instant, by the device that was registered last to read them.

    Those that were registered since are left out. Instants are UTC ms; readings dated beyond `now` do not count.
    """
    joined, newest = schema.meter_device, _newest(now)
    rows = connection.execute(
        select(newest, joined.c.device)
        .join(joined, joined.c.meter_id == newest.c.id)
        .where(newest.c.registered_at < since, or_(newest.c.read_at.is_(None), newest.c.read_at < since))
        .order_by(newest.c.serial, newest.c.id, joined.c.registered_at, joined.c.device)
    )
    last = {row.id: (DeviceId(row.device), Unread(row.serial, row.read_at)) for row in rows}
    found: dict[DeviceId, tuple[Unread, ...]] = {}
    for device, unread in last.values():
        found[device] = (*found.get(device, ()), unread)
    return found


def count_meters(connection: Connection, since: int) -> tuple[int, int]:
    """Return how many meters in service devices read, and how many of them were registered since an instant (UTC ms).

    The latter are those that `list_unread` leaves out.
    """
    meter, joined = schema.meter, schema.meter_device
    newest = (
        select(func.max(joined.c.registered_at).label("registered_at"))
        .join(meter, meter.c.id == joined.c.meter_id)
        .where(meter.c.read_until.is_(None))
        .group_by(meter.c.id)
        .subquery()
    )
    is_new = case((newest.c.registered_at >= since, 1), else_=0)
    counted = connection.execute(select(func.count(), func.coalesce(func.sum(is_new), 0)).select_from(newest)).one()
    return int(counted[0]), int(counted[1])


def _newest(now: int) -> Subquery:
    """Return every meter in service that devices read, with its newest reading: a seek in their key for each."""
    meter, joined, register, reading = schema.meter, schema.meter_device, schema.register, schema.reading
    last = (
        select(reading.c.read_at)
        .where(reading.c.register_id == register.c.id, reading.c.read_at <= now)
        .order_by(reading.c.read_at.desc())
        .limit(1)
        .correlate(register)
        .scalar_subquery()
    )
    owned = and_(
        register.c.device == joined.c.device,
        register.c.serial == meter.c.serial,
        register.c.obis == GENERATED_OBIS,
        or_(meter.c.make == "", meter.c.make == register.c.make),
        or_(meter.c.model == "", meter.c.model == register.c.model),
    )
    return (
        select(
            meter.c.id,
            meter.c.serial,
            func.max(joined.c.registered_at).label("registered_at"),
            func.max(last).label("read_at"),
        )
        .join(joined, joined.c.meter_id == meter.c.id)
        .outerjoin(register, owned)
        .where(meter.c.read_until.is_(None))
        .group_by(meter.c.id, meter.c.serial)
        .subquery()
    )
