"""Meters as their devices describe them, registered or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from hub.rules.registers import is_generated
from hub.store import schema
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.registry import Meter


@dataclass(frozen=True, slots=True)
class DescribedMeter:
    """A meter that a device reads, as last described, with the registers in which it counts generated energy."""

    device: DeviceId
    serial: str
    make: str
    model: str
    firmware: str
    registers: tuple[int, ...]

    def is_meter(self, meter: Meter) -> bool:
        """Return whether this is the registered `meter`."""
        return (
            (self.device, self.serial) == (meter.device, meter.serial)
            and meter.make in {"", self.make}
            and meter.model in {"", self.model}
        )


def list_described(connection: Connection) -> tuple[DescribedMeter, ...]:
    """Return every meter that any device ever described, in the order they were first seen."""
    register, descriptor = schema.register, schema.descriptor
    rows = connection.execute(
        select(register, descriptor.c.firmware)
        .outerjoin(
            descriptor,
            and_(
                descriptor.c.device == register.c.device,
                descriptor.c.serial == register.c.serial,
                descriptor.c.make == register.c.make,
                descriptor.c.model == register.c.model,
            ),
        )
        .order_by(register.c.seen_at, register.c.id, descriptor.c.stream_id, descriptor.c.seq)
    )
    registers: dict[tuple[bytes, str, str, str, int], list[int]] = {}
    firmware: dict[tuple[bytes, str, str, str, int], str] = {}
    for row in rows:
        key = (row.device, row.serial, row.make, row.model, row.slot)
        owned = registers.setdefault(key, [])
        if is_generated(row.obis) and row.id not in owned:
            owned.append(row.id)
        firmware[key] = row.firmware or ""
    return tuple(
        DescribedMeter(DeviceId(key[0]), key[1], key[2], key[3], firmware[key], tuple(owned))
        for key, owned in registers.items()
    )
