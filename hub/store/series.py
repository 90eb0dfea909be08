"""Readings as months, charts and lists need them: by meter, in order of time, energy in whole Wh."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, and_, bindparam, exists, func, or_, select, tuple_

from hub.rules import production
from hub.rules.placing import Placing
from hub.rules.production import EARLIEST_READ_AT, EDGE_HALF_WIDTH_MS, Reading
from hub.store import schema
from hub.store.descriptors import scale_from
from hub.store.good_readings import is_displaced, is_doubted, is_good, is_verified, placing, received_at
from hub.store.patterns import signed_to_pattern
from protocol.identity import BootId, DeviceId, Epoch
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import BindParameter, ColumnElement, Connection, Row

    _Row = Row[tuple[object, ...]]


REGISTERS_AT_ONCE = 500
"""So many are looked up by one statement."""
FIRST_AT, LAST_AT = -(1 << 63), (1 << 63) - 1
"""Before and after every instant (UTC ms) that a column holds."""


@dataclass(frozen=True, slots=True, order=True)
class ReadingKey:
    """The place of a reading in a list ordered by time."""

    read_at: int
    register_id: int
    boot_id: BootId
    boottime_ms: int


def find_deciding(connection: Connection, registers: Sequence[int], edges: Sequence[int]) -> tuple[Reading, ...]:
    """Return of one meter's readings, in order of time, at least those that decide periods with these edges (UTC ms).

    They are, of each register, the good readings right beside each edge, with a verified time and with any, and the
    doubted ones at it; both readings of every step down; and where several registers follow one another, the readings
    between which they do. Which of them stand for an edge is decided by `hub.rules.production`, for which the others
    change nothing.
    """
    found: list[_Row] = []
    for register in registers:
        for edge in edges:
            for verified in (True, False):
                found += _latest(connection, [register], until=edge, verified=verified)
                found += _earliest(connection, [register], since=edge + 1, verified=verified)
            found += _doubted_at(connection, register, edge)
        if len(registers) > 1:
            found += _handover(connection, registers, register)
    return _in_order([*found, *_drop_rows(connection, registers)])


def find_read(connection: Connection, registers: Sequence[int], since: int, until: int) -> frozenset[int]:
    """Return those of these registers of which any reading, good or not, carries a time between two (UTC ms)."""
    table, register = schema.reading, schema.register
    is_read = exists().where(table.c.register_id == register.c.id, table.c.read_at.between(since, until))
    found: set[int] = set()
    for start in range(0, len(registers), REGISTERS_AT_ONCE):
        some = registers[start : start + REGISTERS_AT_ONCE]
        found |= set(connection.execute(select(register.c.id).where(register.c.id.in_(some), is_read)).scalars())
    return frozenset(found)


def first_reading(connection: Connection, registers: Sequence[int]) -> Reading | None:
    """Return the earliest good reading of these registers."""
    return next(iter(_in_order(_earliest(connection, registers))), None)


def last_reading(connection: Connection, registers: Sequence[int], until: int | None = None) -> Reading | None:
    """Return the latest good reading of these registers, at or before `until` (UTC ms) if that is given."""
    return next(iter(_in_order(_latest(connection, registers, until=LAST_AT if until is None else until))), None)


def next_reading(connection: Connection, registers: Sequence[int], after: int) -> Reading | None:
    """Return the earliest good reading of these registers later than `after` (UTC ms)."""
    return next(iter(_in_order(_earliest(connection, registers, since=after + 1))), None)


def list_drops(
    connection: Connection, registers: Sequence[int], until: int | None = None
) -> tuple[tuple[Reading, Reading], ...]:
    """Return every pair of neighbouring readings of a meter between which it went down, up to `until` (UTC ms)."""
    drops = production.list_drops(find_deciding(connection, registers, ()))
    return tuple((earlier, later) for earlier, later in drops if until is None or later.read_at <= until)


def count_misdated(connection: Connection, registers: Sequence[int]) -> int:
    """Return how many readings carry a time that cannot be true.

    It lies beyond their receipt, and so beyond the last good reading, or before 2000 though the clock was said to be
    verified: an unverified clock there has merely not been set yet. One that was placed since carries a true one.
    """
    table = schema.reading
    last = last_reading(connection, registers)
    beyond = table.c.read_at > (EARLIEST_READ_AT - 1 if last is None else last.read_at)
    query = select(func.count()).where(
        table.c.register_id.in_(list(registers)),
        table.c.register_wh.is_not(None),
        ~is_doubted(),
        ~is_displaced(),
        or_(and_(table.c.read_at < EARLIEST_READ_AT, is_verified()), beyond),
    )
    return connection.execute(query).scalar_one()


def find_at(connection: Connection, registers: Sequence[int], edges: Sequence[int]) -> tuple[Reading, ...]:
    """Return the good readings that may stand at these edges (UTC ms), in order of time.

    Each edge is a statement: asked for all of them in one, SQLite goes over every reading of the registers.
    """
    found: list[_Row] = []
    for edge in edges:
        near = {"since": edge - EDGE_HALF_WIDTH_MS, "until": edge + EDGE_HALF_WIDTH_MS}
        found += connection.execute(_good(), {"registers": list(registers), **near}).all()
    return _in_order(found)


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


def list_latest(
    connection: Connection, registers: Sequence[int], before: ReadingKey | None, limit: int
) -> tuple[tuple[ReadingKey, Reading], ...]:
    """Return at most `limit` good readings before the key `before`, the latest first: so many of each register."""
    table = schema.reading
    key = (table.c.read_at, table.c.register_id, table.c.boot_id, table.c.boottime_ms)
    found: list[_Row] = []
    for register in registers:
        query = _select([register]).order_by(*(column.desc() for column in key)).limit(limit)
        if before is not None:
            place = tuple_(before.read_at, before.register_id, before.boot_id, before.boottime_ms)
            # The plain bound is what the index begins at; the key decides among readings of one instant.
            query = query.where(table.c.read_at <= before.read_at, tuple_(*key) < place)
        found += connection.execute(query).all()
    keyed = [(ReadingKey(row.read_at, row.register_id, BootId(row.boot_id), row.boottime_ms), row) for row in found]
    keyed.sort(key=lambda one: one[0], reverse=True)
    return tuple((place, _reading(row)) for place, row in keyed[:limit])


def _latest(
    connection: Connection, registers: Sequence[int], *, until: int = LAST_AT, verified: bool = False
) -> Sequence[_Row]:
    """Return the row of the last reading up to `until` as a list of one, or of none; one look-up per register."""
    found = _extremes(connection, registers, FIRST_AT, until, _extreme(latest=True, verified=verified))
    return [max(found, key=_place)] if found else []


def _earliest(
    connection: Connection, registers: Sequence[int], *, since: int = FIRST_AT, verified: bool = False
) -> Sequence[_Row]:
    """Return the row of the first reading from `since` on as a list of one, or of none; one look-up per register."""
    found = _extremes(connection, registers, since, LAST_AT, _extreme(latest=False, verified=verified))
    return [min(found, key=_place)] if found else []


def _extremes(
    connection: Connection, registers: Sequence[int], since: int, until: int, query: Select[tuple[object, ...]]
) -> list[_Row]:
    return [
        row
        for register in registers
        for row in connection.execute(query, {"registers": [register], "since": since, "until": until})
    ]


@functools.cache
def _extreme(*, latest: bool, verified: bool) -> Select[tuple[object, ...]]:
    # Built once: to build it takes longer than to look the reading up.
    table = schema.reading
    columns = (table.c.read_at, table.c.boottime_ms, table.c.boot_id)
    query = _between(is_good()).order_by(*((one.desc() for one in columns) if latest else columns)).limit(1)
    return query.where(is_verified()) if verified else query


@functools.cache
def _good() -> Select[tuple[object, ...]]:
    return _between(is_good())


@functools.cache
def _doubted() -> Select[tuple[object, ...]]:
    return _between(and_(schema.reading.c.register_wh.is_not(None), is_doubted()))


def _between(which: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    """Return the query of such readings of `:registers` from `:since` to `:until`, both included."""
    since, until = bindparam("since", type_=schema.Whole), bindparam("until", type_=schema.Whole)
    return _select(bindparam("registers", expanding=True), which).where(schema.reading.c.read_at.between(since, until))


def _doubted_at(connection: Connection, register: int, edge: int) -> Sequence[_Row]:
    """Return the readings of a register that would stand for an edge, if its device did not doubt them."""
    near = {"registers": [register], "since": edge - EDGE_HALF_WIDTH_MS, "until": edge + EDGE_HALF_WIDTH_MS}
    return connection.execute(_doubted(), near).all()


def _handover(connection: Connection, registers: Sequence[int], register: int) -> Sequence[_Row]:
    """Return the first verified reading of a register, and of every other register the latest before it."""
    first = _earliest(connection, [register], verified=True)
    if not first:
        return ()
    until = first[0].read_at
    others = [
        row
        for other in registers
        if other != register
        for row in _latest(connection, [other], until=until, verified=True)
    ]
    return [*first, *others]


def _drop_rows(connection: Connection, registers: Sequence[int]) -> Sequence[_Row]:
    """Return the verified readings at the end of every step down, each with the one before it."""
    drop, read_at = schema.register_drop, schema.reading.c.read_at
    query = select(drop.c.register_id, drop.c.read_at).where(drop.c.register_id.in_(list(registers)))
    found: list[_Row] = []
    for row in connection.execute(query).all():
        found += _latest(connection, [row.register_id], until=row.read_at - 1, verified=True)
        found += connection.execute(_select([row.register_id]).where(is_verified(), read_at == row.read_at))
    return found


def _place(row: _Row) -> tuple[int, int, bytes, int]:
    return row.read_at, row.boottime_ms, row.boot_id, row.register_id


def _in_order(rows: Sequence[_Row]) -> tuple[Reading, ...]:
    """Return rows as readings in order of time, at one instant of boottime, each once."""
    return tuple(_reading(row) for _, row in sorted({_place(row): row for row in rows}.items()))


def _select(
    registers: Sequence[int] | BindParameter[int], which: ColumnElement[bool] | None = None
) -> Select[tuple[object, ...]]:
    """Return the query of these registers' good readings, or of others."""
    table, scale, stream, register = schema.reading, schema.register_scale, schema.stream, schema.register
    query: Select[tuple[object, ...]] = (
        select(
            table.c.register_id,
            table.c.read_at,
            table.c.boot_id,
            table.c.boottime_ms,
            table.c.register_wh,
            table.c.raw,
            table.c.time_quality,
            table.c.poll_status,
            table.c.seq,
            received_at().label("received_at"),
            placing().label("placing"),
            stream.c.device,
            stream.c.epoch,
            register.c.make,
            register.c.model,
            *(column for column in scale.c if column.name not in {"id", "register_id"}),
        )
        .join(scale, scale.c.id == table.c.scale_id)
        .join(stream, stream.c.id == table.c.stream_id)
        .join(register, register.c.id == table.c.register_id)
        .where(table.c.register_id.in_(registers), is_good() if which is None else which)
    )
    return query


def _reading(row: _Row) -> Reading:
    scale = scale_from(row)
    return Reading(
        register_id=row.register_id,
        instrument=f"{row.make} {row.model}".strip(),
        read_at=row.read_at,
        register_wh=row.register_wh,
        raw=signed_to_pattern(row.raw),
        resolution_wh=scale.resolution_wh,
        modulus_wh=scale.modulus_wh,
        ratio=scale.ratio,
        time_quality=TimeQuality(row.time_quality),
        device=DeviceId(row.device),
        epoch=Epoch(row.epoch),
        seq=row.seq,
        received_at=row.received_at,
        placing=Placing(row.placing),
        status=row.poll_status,
    )
