"""Meters as their devices describe them, registered or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from hub.rules.registers import is_generated
from hub.store import schema
from hub.store.ownership import owners
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class DescribedMeter:
    """A meter that a device reads, as last described, with the registers in which it counts generated energy.

    `bus` says how it is read (`protocol.records.MeterDescriptor`): `pulse` is a count of the device's own.
    `meter_ids` are the registered meters to which it belongs: one, or none where nobody has registered it.
    `first_register` is the least of all its registers, whatever they count.
    """

    device: DeviceId
    serial: str
    make: str
    model: str
    firmware: str
    bus: str
    registers: tuple[int, ...]
    meter_ids: frozenset[int]
    first_register: int


def list_described(connection: Connection, devices: Collection[DeviceId] | None = None) -> tuple[DescribedMeter, ...]:
    """Return every meter that any device ever described, or one of these, in the order they were first seen."""
    register, link, descriptor = schema.register, schema.descriptor_register, schema.descriptor
    query = (
        select(register, descriptor.c.firmware, descriptor.c.bus)
        .join(link, link.c.register_id == register.c.id)
        .join(descriptor, and_(descriptor.c.device == link.c.device, descriptor.c.id == link.c.descriptor))
        .order_by(register.c.seen_at, register.c.id, descriptor.c.stream_id, descriptor.c.seq)
    )
    if devices is not None:
        # Of the links, too, which SQLite would rather walk whole than begin at a register.
        query = query.where(register.c.device.in_(list(devices)), link.c.device.in_(list(devices)))
    registers: dict[tuple[bytes, str, str, str, int], list[int]] = {}
    last_said: dict[tuple[bytes, str, str, str, int], tuple[str, str]] = {}
    owner_of = owners(connection, devices)
    meter_ids: dict[tuple[bytes, str, str, str, int], set[int]] = {}
    first: dict[tuple[bytes, str, str, str, int], int] = {}
    for row in connection.execute(query):
        key = (row.device, row.serial, row.make, row.model, row.slot)
        owned = registers.setdefault(key, [])
        if is_generated(row.obis) and row.id not in owned:
            owned.append(row.id)
        meter_ids.setdefault(key, set()).update({owner_of[row.id]} if row.id in owner_of else ())
        first[key] = min(row.id, first.get(key, row.id))
        last_said[key] = (row.firmware, row.bus)
    return tuple(
        DescribedMeter(
            *(DeviceId(key[0]), *key[1:4], *last_said[key]), tuple(owned), frozenset(meter_ids[key]), first[key]
        )
        for key, owned in registers.items()
    )


def list_meter_numbers(connection: Connection, devices: Collection[DeviceId]) -> dict[DeviceId, tuple[int, ...]]:
    """Return by which numbers each of these devices knows its meters; those that described none are left out."""
    table = schema.descriptor
    query = select(table.c.device, table.c.meter_index).where(table.c.device.in_(list(devices))).distinct()
    found: dict[DeviceId, tuple[int, ...]] = {}
    for device, number in connection.execute(query.order_by(table.c.device, table.c.meter_index)):
        found[DeviceId(device)] = (*found.get(DeviceId(device), ()), number)
    return found
