"""Devices whose identity is contested: two things speak as one, and a person has to find out which one is real."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, update

from hub.store import schema
from hub.store.dialect import insert_new
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection


def hear_instance(connection: Connection, device: DeviceId, instance: bytes, at: int) -> bool:
    """Remember that this instance of a device (its board and card) spoke last, heard at `at` (UTC ms).

    Return whether it came back after another had taken its place: a card that is replaced does not come back.
    """
    table = schema.instance
    own = table.c.device == device
    last = connection.execute(select(table).where(own).order_by(table.c.turn.desc()).limit(1)).one_or_none()
    if last is not None and last.id == instance:
        return False
    turn = 0 if last is None else last.turn + 1
    again = connection.execute(update(table).where(own, table.c.id == instance).values(turn=turn))
    if again.rowcount:
        return True
    connection.execute(insert(table).values(device=device, id=instance, first_heard_at=at, turn=turn))
    return False


def begin_contest(connection: Connection, device: DeviceId, reason: str, at: int) -> bool:
    """Hold the device for contested from `at` (UTC ms) on; return whether it was not so before, for another reason."""
    added = insert_new(connection, schema.contest).values(device=device, begun_at=at, reason=reason)
    return connection.execute(added).rowcount > 0


def end_contest(connection: Connection, device: DeviceId, at: int) -> bool:
    """Hold the device for contested no longer; return whether it was."""
    table = schema.contest
    open_ = (table.c.device == device) & table.c.resolved_at.is_(None)
    return connection.execute(update(table).where(open_).values(resolved_at=at)).rowcount > 0


_OPEN = select(schema.contest.c.device, schema.contest.c.reason).where(schema.contest.c.resolved_at.is_(None))
_OPEN_OF = _OPEN.where(schema.contest.c.device.in_(bindparam("devices", expanding=True)))


def find_contested(connection: Connection, devices: Collection[DeviceId] | None = None) -> dict[DeviceId, str]:
    """Return why devices are contested, of these or of all; those that are not are left out."""
    rows = connection.execute(_OPEN) if devices is None else connection.execute(_OPEN_OF, {"devices": list(devices)})
    return {DeviceId(device): reason for device, reason in rows}
