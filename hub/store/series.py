"""Readings as months, charts and lists need them: by meter, in order of time, energy in whole Wh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, and_, func, select, tuple_

from hub.rules.production import EARLIEST_READ_AT, EDGE_HALF_WIDTH_MS, Evidence, Reading, choose_edge_reading
from hub.rules.registers import is_generated
from hub.store import schema
from hub.store.descriptors import scale_from
from hub.store.patterns import signed_to_pattern
from protocol.identity import BootId, Epoch
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Row

    from hub.rules.periods import ProductionMonth
    from hub.store.registry import Meter


@dataclass(frozen=True, slots=True)
class Bucket:
    """The readings of one stretch of a chart: its instants, least and greatest value, and how many there are."""

    first_at: int
    last_at: int
    wh_min: int
    wh_max: int
    readings: int


@dataclass(frozen=True, slots=True, order=True)
class ReadingKey:
    """The place of a reading in a list ordered by time."""

    read_at: int
    register_id: int
    boot_id: BootId
    boottime_ms: int


def registers_of(connection: Connection, meter: Meter) -> tuple[int, ...]:
    """Return the ids of the registers in which this meter counts generated energy; empty before it was described."""
    table = schema.register
    query = select(table.c.id, table.c.obis).where(table.c.device == meter.device, table.c.serial == meter.serial)
    if meter.make:
        query = query.where(table.c.make == meter.make)
    if meter.model:
        query = query.where(table.c.model == meter.model)
    return tuple(row.id for row in connection.execute(query.order_by(table.c.id)) if is_generated(row.obis))


def find_evidence(connection: Connection, registers: Sequence[int], month: ProductionMonth) -> Evidence:
    """Return the readings that decide one meter's month; see `hub.rules.production.Evidence`."""
    before = _edge_reading(connection, registers, month.starts_at)
    closing = _edge_reading(connection, registers, month.ends_at)
    first = _earliest(connection, registers, schema.reading.c.read_at > month.starts_at)
    opening = before or first
    if opening is None or closing is None:
        return Evidence(before, first, closing)
    return Evidence(before, first, closing, _drops(connection, registers, opening.read_at, closing.read_at))


def first_reading(connection: Connection, registers: Sequence[int]) -> Reading | None:
    """Return the earliest good reading of these registers."""
    return _earliest(connection, registers, schema.reading.c.read_at.is_not(None))


def last_reading(connection: Connection, registers: Sequence[int]) -> Reading | None:
    """Return the latest good reading of these registers."""
    return _latest(connection, registers, schema.reading.c.read_at.is_not(None))


def list_drops(connection: Connection, registers: Sequence[int]) -> tuple[tuple[Reading, Reading], ...]:
    """Return every pair of neighbouring readings between which a register went down."""
    return _drops(connection, registers, None, None)


def buckets(
    connection: Connection, registers: Sequence[int], from_at: int, to_at: int, count: int
) -> tuple[Bucket, ...]:
    """Return the good readings from `from_at` to `to_at` (both included), thinned to at most `count` stretches.

    Extremes keep their exact values, so a chart of them begins and ends where the register does.
    """
    table = schema.reading
    width = max(1, (to_at - from_at) // count + 1)
    number = (table.c.read_at - from_at) // width
    grouped = (
        select(
            number.label("number"),
            func.min(table.c.read_at).label("first_at"),
            func.max(table.c.read_at).label("last_at"),
            func.min(table.c.register_wh).label("wh_min"),
            func.max(table.c.register_wh).label("wh_max"),
            func.count().label("readings"),
        )
        .where(_good(registers), table.c.read_at >= from_at, table.c.read_at <= to_at)
        .group_by(number)
        .order_by(number)
    )
    return tuple(
        Bucket(row.first_at, row.last_at, row.wh_min, row.wh_max, row.readings) for row in connection.execute(grouped)
    )


def list_readings(
    connection: Connection, registers: Sequence[int], after: ReadingKey | None, limit: int
) -> tuple[tuple[ReadingKey, Reading], ...]:
    """Return at most `limit` good readings beyond the key `after`, in order of time."""
    table = schema.reading
    key = (table.c.read_at, table.c.register_id, table.c.boot_id, table.c.boottime_ms)
    query = _select(registers).order_by(*key).limit(limit)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(after.read_at, after.register_id, after.boot_id, after.boottime_ms))
    return tuple(
        (ReadingKey(row.read_at, row.register_id, BootId(row.boot_id), row.boottime_ms), _reading(row))
        for row in connection.execute(query)
    )


def _edge_reading(connection: Connection, registers: Sequence[int], edge_ms: int) -> Reading | None:
    read_at = schema.reading.c.read_at
    at_or_before = _latest(connection, registers, read_at <= edge_ms)
    soon = and_(read_at > edge_ms, read_at <= edge_ms + EDGE_HALF_WIDTH_MS)
    return choose_edge_reading(at_or_before, _earliest(connection, registers, soon), edge_ms)


def _latest(connection: Connection, registers: Sequence[int], where: ColumnElement[bool]) -> Reading | None:
    return _best(connection, registers, where, latest=True)


def _earliest(connection: Connection, registers: Sequence[int], where: ColumnElement[bool]) -> Reading | None:
    return _best(connection, registers, where, latest=False)


def _best(
    connection: Connection, registers: Sequence[int], where: ColumnElement[bool], *, latest: bool
) -> Reading | None:
    """Return the extreme reading, one index look-up per register."""
    table = schema.reading
    order = (table.c.read_at.desc(), table.c.boottime_ms.desc()) if latest else (table.c.read_at, table.c.boottime_ms)
    found = [
        _reading(row)
        for register in registers
        for row in connection.execute(_select([register]).where(where).order_by(*order).limit(1))
    ]
    if not found:
        return None
    choose = max if latest else min
    return choose(found, key=lambda reading: reading.read_at)


def _drops(
    connection: Connection, registers: Sequence[int], from_at: int | None, to_at: int | None
) -> tuple[tuple[Reading, Reading], ...]:
    table = schema.register_drop
    query = select(table).where(table.c.register_id.in_(registers)).order_by(table.c.read_at)
    if from_at is not None:
        query = query.where(table.c.before_at >= from_at)
    if to_at is not None:
        query = query.where(table.c.read_at <= to_at)
    pairs = []
    for row in connection.execute(query).all():
        # After a step of the device's clock two readings may have one instant: then they are each other's neighbours.
        together = row.before_at == row.read_at
        earlier = _best(connection, [row.register_id], schema.reading.c.read_at == row.before_at, latest=not together)
        later = _best(connection, [row.register_id], schema.reading.c.read_at == row.read_at, latest=together)
        if earlier is not None and later is not None:
            pairs.append((earlier, later))
    return tuple(pairs)


def _good(registers: Sequence[int]) -> ColumnElement[bool]:
    table = schema.reading
    return and_(
        table.c.register_id.in_(list(registers)),
        table.c.register_wh.is_not(None),
        table.c.read_at >= EARLIEST_READ_AT,
    )


def _select(registers: Sequence[int]) -> Select[tuple[object, ...]]:
    table, scale, stream = schema.reading, schema.register_scale, schema.stream
    query: Select[tuple[object, ...]] = (
        select(
            table.c.register_id,
            table.c.read_at,
            table.c.boot_id,
            table.c.boottime_ms,
            table.c.register_wh,
            table.c.raw,
            table.c.time_quality,
            table.c.seq,
            stream.c.epoch,
            *(column for column in scale.c if column.name not in {"id", "register"}),
        )
        .join(scale, scale.c.id == table.c.scale_id)
        .join(stream, stream.c.id == table.c.stream_id)
        .where(_good(registers))
    )
    return query


def _reading(row: Row[tuple[object, ...]]) -> Reading:
    scale = scale_from(row)
    return Reading(
        register_id=row.register_id,
        read_at=row.read_at,
        register_wh=row.register_wh,
        raw=signed_to_pattern(row.raw),
        resolution_wh=scale.resolution_wh,
        modulus_wh=scale.modulus_wh,
        ratio=scale.ratio,
        time_quality=TimeQuality(row.time_quality),
        epoch=Epoch(row.epoch),
        seq=row.seq,
    )
