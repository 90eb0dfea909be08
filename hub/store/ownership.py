"""Which registers belong to which registered meter: asked in several ways, decided by one query."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, and_, bindparam, exists, func, or_, select

from hub.rules.registers import is_generated
from hub.store import schema
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection

    from hub.store.registry import Meter

REGISTERS_AT_ONCE = 2000
"""Among so many registers a page of strangers is looked for."""


def registers_of(connection: Connection, meter: Meter) -> tuple[int, ...]:
    """Return the ids of the registers in which this meter counts generated energy; empty before it was described."""
    return registers_by_meter(connection, [meter.id]).get(meter.id, ())


def registers_by_meter(connection: Connection, meters: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Return the same of each of these meters, by meter; those without a register are left out."""
    found: dict[int, tuple[int, ...]] = {}
    for row in connection.execute(_registers_by_meter(), {"meters": list(meters)}):
        if is_generated(row.obis):
            found[row.meter_id] = (*found.get(row.meter_id, ()), row.register_id)
    return found


def systems_of(connection: Connection, registers: Iterable[int]) -> frozenset[str]:
    """Return the PTS ids of the systems whose meters own these registers."""
    rows = connection.execute(_systems_of(), {"registers": list(registers)})
    return frozenset(row.system for row in rows)


def owners(connection: Connection, devices: Collection[DeviceId] | None = None) -> dict[int, int]:
    """Return the id of the registered meter that owns a register, by register id; strangers' registers are left out.

    Where `devices` are given, of their registers.
    """
    query = _owned()
    if devices is not None:
        query = query.where(schema.register.c.device.in_(list(devices)))
    return {row.register_id: row.meter_id for row in connection.execute(query)}


@functools.cache
def _registers_by_meter() -> Select[tuple[int, str, int, str]]:
    # Built once: every month of every meter asks.
    return _owned().where(schema.meter.c.id.in_(bindparam("meters", expanding=True))).order_by(schema.register.c.id)


@functools.cache
def _systems_of() -> Select[tuple[int, str, int, str]]:
    # Built once: every batch of readings asks.
    return _owned().where(schema.register.c.id.in_(bindparam("registers", expanding=True)))


def _owned() -> Select[tuple[int, str, int, str]]:
    """Pair each register with the meter under whose name, as far as that is given, one of its devices reads it."""
    meter, joined, register = schema.meter, schema.meter_device, schema.register
    return (
        select(register.c.id.label("register_id"), register.c.obis, meter.c.id.label("meter_id"), meter.c.system)
        .join(joined, joined.c.device == register.c.device)
        .join(
            meter,
            and_(
                meter.c.id == joined.c.meter_id,
                meter.c.serial == register.c.serial,
                or_(meter.c.make == "", meter.c.make == register.c.make),
                or_(meter.c.model == "", meter.c.model == register.c.model),
            ),
        )
    )


@dataclass(frozen=True, slots=True)
class Stranger:
    """A meter that a device reads and that belongs to no system, as its device names it; `seen_at` is UTC ms."""

    device: DeviceId
    serial: str
    make: str
    model: str
    seen_at: int


def find_strangers(
    connection: Connection, after: int, limit: int, looked_at: int = REGISTERS_AT_ONCE
) -> tuple[tuple[tuple[int, DeviceId], ...], int | None]:
    """Return the first registers, with their devices, of meters that nobody has registered: at most `limit` by id.

    They are among the next `looked_at` registers beyond one, so that this costs the same where there are none. Beside
    them the register after which the next ones come, None where there are none.
    """
    register, earlier, owned = schema.register, schema.register.alias("earlier"), _owned().subquery()
    beyond = select(register.c.id).where(register.c.id > after).order_by(register.c.id)
    last = connection.execute(beyond.limit(1).offset(looked_at - 1)).scalar_one_or_none()
    same = (earlier.c[name] == register.c[name] for name in ("device", "serial", "make", "model", "slot"))
    query = (
        select(register.c.id, register.c.device)
        .where(
            register.c.id > after,
            ~exists().where(*same, earlier.c.id < register.c.id),
            ~exists().where(owned.c.register_id == register.c.id),
        )
        .order_by(register.c.id)
        .limit(limit)
    )
    if last is not None:
        query = query.where(register.c.id <= last)
    found = tuple((row.id, DeviceId(row.device)) for row in connection.execute(query))
    return found, found[-1][0] if len(found) == limit else last


def list_strangers(
    connection: Connection, limit: int | None, *, beyond: int = 0, devices: Collection[DeviceId] | None = None
) -> tuple[Stranger, ...]:
    """Return the meters that devices read and nobody has registered, those seen last first.

    Of registers `beyond` an id, and of these `devices` if they are given: without either, all registers are gone over.
    """
    register = schema.register
    owned = _owned().subquery()
    query = (
        select(register.c.device, register.c.serial, register.c.make, register.c.model, func.max(register.c.seen_at))
        .where(register.c.id > beyond, ~exists().where(owned.c.register_id == register.c.id))
        .group_by(register.c.device, register.c.serial, register.c.make, register.c.model)
        .order_by(func.max(register.c.seen_at).desc(), register.c.device, register.c.serial)
        .limit(limit)
    )
    if devices is not None:
        query = query.where(register.c.device.in_(list(devices)))
    return tuple(Stranger(DeviceId(row[0]), *row[1:]) for row in connection.execute(query))


def last_register(connection: Connection) -> int:
    """Return the id of the register that was described last, 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(schema.register.c.id), 0))).scalar_one())
