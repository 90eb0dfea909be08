"""Meter descriptors out of the chain, and the registers and scales they speak of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from hub.rules.registers import Scale
from hub.store import schema
from hub.store.dialect import insert_new

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import ColumnElement, Connection, Row

    from protocol.identity import DescriptorId, DeviceId
    from protocol.messages import MeterDescriptor, Register


class Underived(StrEnum):
    """Why readings of a block in custody are not counted.

    WAITING: their descriptor has not come yet. UNEXPLAINED: it is here and does not name their meter or registers.
    FAILED: deriving them met a fault.
    """

    WAITING = "waiting"
    UNEXPLAINED = "unexplained"
    FAILED = "failed"


DescriptorKey = tuple["DeviceId", "DescriptorId"]


@dataclass(frozen=True, slots=True)
class RegisterRef:
    """Where readings of one register id go under one descriptor: the accumulator, and the scale of its counts."""

    register_id: int
    scale_id: int
    scale: Scale


@dataclass(frozen=True, slots=True)
class KnownDescriptor:
    """A stored descriptor: which meter it is of, and its registers by register id."""

    meter_index: int
    registers: Mapping[int, RegisterRef]


@dataclass(frozen=True, slots=True)
class Described:
    """A meter descriptor, and the block of the stream in which it was met (`seen_at` UTC ms)."""

    device: DeviceId
    descriptor: DescriptorId
    meter: MeterDescriptor
    stream: int
    seq: int
    seen_at: int


def scale_of(register: Register, ratio: tuple[int, int]) -> Scale:
    """Return what a descriptor says of a register's value."""
    return Scale(
        unit=register.unit,
        exponent=register.scale_exponent,
        width_bits=register.width_bits,
        kind=register.kind,
        sign=register.sign,
        rollover_counts=register.rollover_counts,
        ratio=ratio,
    )


def find_descriptors(connection: Connection, wanted: Collection[DescriptorKey]) -> dict[DescriptorKey, KnownDescriptor]:
    """Return what those of these descriptors say of their registers that their devices have sent."""
    table, link = schema.descriptor, schema.descriptor_register
    devices, ids = {device for device, _ in wanted}, {descriptor for _, descriptor in wanted}
    described = connection.execute(
        select(table.c.device, table.c.id, table.c.meter_index).where(table.c.device.in_(devices), table.c.id.in_(ids))
    )
    registers: dict[DescriptorKey, dict[int, RegisterRef]] = {}
    found = {
        key: KnownDescriptor(row.meter_index, registers.setdefault(key, {}))
        for row in described
        if (key := (row.device, row.id)) in wanted
    }
    linked = connection.execute(
        select(link, schema.register_scale)
        .join(schema.register_scale, schema.register_scale.c.id == link.c.scale_id)
        .where(link.c.device.in_(devices), link.c.descriptor.in_(ids))
    )
    for row in linked:
        if (row.device, row.descriptor) in found:
            reference = RegisterRef(row.register_id, row.scale_id, scale_from(row))
            registers[row.device, row.descriptor][row.rid] = reference
    return found


def scale_from(row: Row[tuple[object, ...]]) -> Scale:
    """Return the scale in a row that holds the columns of `register_scale`."""
    return Scale(
        unit=row.unit,
        exponent=row.exponent,
        width_bits=row.width_bits,
        kind=row.kind,
        sign=row.sign,
        rollover_counts=int(row.rollover_counts),
        ratio=(row.ratio_numerator, row.ratio_denominator),
    )


def add_descriptor(connection: Connection, described: Described) -> bool:
    """Keep a descriptor met in the chain, with its registers, and return whether it is new."""
    device, descriptor, meter = described.device, described.descriptor, described.meter
    added = connection.execute(
        insert_new(connection, schema.descriptor)
        .values(
            device=device,
            id=descriptor,
            meter_index=meter.meter,
            make=meter.make,
            model=meter.model,
            serial=meter.serial,
            firmware=meter.firmware,
            bus=meter.bus,
            unit_id=meter.unit_id,
            stream_id=described.stream,
            seq=described.seq,
        )
        .returning(schema.descriptor.c.id)
    ).one_or_none()
    if added is None:
        return False
    for rid, register in meter.registers.items():
        register_id = _register(connection, device, meter, register.obis, described.seen_at)
        scale_id = _scale(connection, register_id, scale_of(register, meter.ratio))
        connection.execute(
            insert(schema.descriptor_register).values(
                device=device, descriptor=descriptor, rid=rid, register_id=register_id, scale_id=scale_id
            )
        )
    return True


def note_underived(
    connection: Connection, stream: int, seq: int, reason: Underived, descriptor: DescriptorId | None = None
) -> None:
    """Remember that readings of a block are not counted, and of which descriptor they are."""
    connection.execute(
        insert_new(connection, schema.underived).values(
            stream_id=stream, seq=seq, reason=reason.value, descriptor=descriptor or b""
        )
    )


def take_underived(connection: Connection, device: DeviceId, descriptor: DescriptorId) -> tuple[tuple[int, int], ...]:
    """Return and forget the (stream, seq) of this device's blocks that waited for the descriptor."""
    table = schema.underived
    streams = select(schema.stream.c.id).where(schema.stream.c.device == device)
    waiting = _is_waiting() & (table.c.descriptor == descriptor) & table.c.stream_id.in_(streams)
    rows = connection.execute(
        select(table.c.stream_id, table.c.seq).where(waiting).order_by(table.c.stream_id, table.c.seq)
    )
    found = tuple((row.stream_id, row.seq) for row in rows)
    connection.execute(delete(table).where(waiting))
    return found


def lowest_underived(connection: Connection, stream: int) -> int | None:
    """Return the lowest seq of a stream whose readings wait for a descriptor."""
    table = schema.underived
    query = select(table.c.seq).where(table.c.stream_id == stream, _is_waiting()).order_by(table.c.seq).limit(1)
    return connection.execute(query).scalar_one_or_none()


def _is_waiting() -> ColumnElement[bool]:
    return schema.underived.c.reason == Underived.WAITING.value


def _register(connection: Connection, device: DeviceId, meter: MeterDescriptor, obis: str, at: int) -> int:
    """Return the accumulator; its names are without the blanks around them, as those that people register are."""
    table = schema.register
    serial = meter.serial.strip()
    values = {
        "device": device,
        "serial": serial,
        "make": meter.make.strip(),
        "model": meter.model.strip(),
        "obis": obis,
        "slot": -1 if serial else meter.meter,
    }
    connection.execute(insert_new(connection, table).values(**values, seen_at=at))
    query = select(table.c.id)
    for name, value in values.items():
        query = query.where(table.c[name] == value)
    return int(connection.execute(query).scalar_one())


def _scale(connection: Connection, register_id: int, scale: Scale) -> int:
    table = schema.register_scale
    values = {
        "register_id": register_id,
        "unit": scale.unit,
        "exponent": scale.exponent,
        "width_bits": scale.width_bits,
        "kind": scale.kind,
        "sign": scale.sign,
        "rollover_counts": str(scale.rollover_counts),
        "ratio_numerator": scale.ratio[0],
        "ratio_denominator": scale.ratio[1],
    }
    connection.execute(insert_new(connection, table).values(**values))
    query = select(table.c.id)
    for name, value in values.items():
        query = query.where(table.c[name] == value)
    return int(connection.execute(query).scalar_one())
