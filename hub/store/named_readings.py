"""Readings by the name that people quote them with, each with the block that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from hub.store import schema
from hub.store.patterns import signed_to_pattern
from protocol.identity import BootId, DeviceId, Epoch
from protocol.records import STATUS_PLACED

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class NamedReading:
    """A reading with energy in it, as stored. `raw` is the unsigned pattern; `stream` and `seq` say which block.

    `read_at` of one that `is_placed` is not the device's word: that is in its block, under the same boot and boottime.
    """

    device: DeviceId
    serial: str
    obis: str
    read_at: int
    boot_id: BootId
    boottime_ms: int
    raw: int
    register_wh: int
    stream: int
    epoch: Epoch
    seq: int
    is_placed: bool


def find_named(connection: Connection, serial: str, obis: str, read_at: int) -> tuple[NamedReading, ...]:
    """Return the readings of registers with this OBIS code, of meters with this serial number, at an instant (UTC ms).

    There can be several: of two devices, of two makes with one serial number, of two boots within a millisecond.
    """
    reading, register, stream = schema.reading, schema.register, schema.stream
    rows = connection.execute(
        select(reading, register.c.device, register.c.serial, register.c.obis, stream.c.epoch)
        .join(register, register.c.id == reading.c.register_id)
        .join(stream, stream.c.id == reading.c.stream_id)
        .where(
            register.c.serial == serial,
            register.c.obis == obis,
            reading.c.read_at == read_at,
            reading.c.register_wh.is_not(None),
        )
        .order_by(register.c.device, stream.c.id, reading.c.seq, reading.c.boottime_ms)
    )
    return tuple(
        NamedReading(
            device=DeviceId(row.device),
            serial=row.serial,
            obis=row.obis,
            read_at=row.read_at,
            boot_id=BootId(row.boot_id),
            boottime_ms=row.boottime_ms,
            raw=signed_to_pattern(row.raw),
            register_wh=row.register_wh,
            stream=row.stream_id,
            epoch=Epoch(row.epoch),
            seq=row.seq,
            is_placed=bool(row.poll_status & STATUS_PLACED),
        )
        for row in rows
    )
