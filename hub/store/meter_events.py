"""What devices state of their meters, and the readings on both sides of it.

A device that had no time yet states an event at the instant of its readings, so where these are placed, it is too.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, bindparam, exists, func, select, tuple_

from hub.rules.placing import true_at
from hub.store import schema, stated_tables
from hub.store.good_readings import is_placed
from hub.store.patterns import signed_to_pattern
from protocol.identity import DeviceId
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Column, ColumnElement, Connection, Exists, Row, Select, Table

    _Row = Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class EventReading:
    """A reading beside an event: its instant, its raw count, and its energy, None where the hub holds no such one."""

    read_at: int
    raw: int
    register_wh: int | None


class EventPlace(NamedTuple):
    """The place of an event in a list: the instant that its device stated (UTC ms), and the record in a stream."""

    at: int
    stream: int
    record: int


@dataclass(frozen=True, slots=True)
class StatedEvent:
    """What a device stated of a meter, seen at `at` (UTC ms); `serial` is the meter that it read then."""

    device: DeviceId
    serial: str
    at: int
    kind: str
    before: EventReading | None
    after: EventReading | None
    was: str
    now: str
    note: str
    place: EventPlace


def list_events(
    connection: Connection,
    registers: Sequence[int],
    *,
    kinds: Sequence[str] | None = None,
    is_of_register: bool = False,
    limit: int | None = None,
) -> tuple[StatedEvent, ...]:
    """Return what was stated of the meters with these registers, the newest first; at most `limit`, of these kinds.

    A device gives a meter a number for ever: what it states of the number belongs to all meters that ever had it.
    `is_of_register` leaves out what is about another register of them, or about the whole meter.
    """
    event = stated_tables.meter_event
    wheres: list[ColumnElement[bool]] = []
    if is_of_register:
        link, described = _describes(registers)
        wheres.append(described.where(link.c.rid == event.c.rid))
    if kinds is not None:
        wheres.append(event.c.kind.in_(list(kinds)))
    events = [_event(connection, row) for row in _latest(connection, registers, wheres, limit)]
    return tuple(sorted(events, key=lambda event: event.at, reverse=True))


def page_events(
    connection: Connection, registers: Sequence[int], before: EventPlace | None, limit: int
) -> tuple[StatedEvent, ...]:
    """Return at most `limit` events of these registers' meters before a place, the latest by their devices' word."""
    event = stated_tables.meter_event
    wheres: list[ColumnElement[bool]] = []
    if before is not None:
        # The plain bound is what the index begins at; the place decides among events of one instant.
        wheres += [event.c.at <= before.at, tuple_(*_place_of(event)) < tuple_(*before)]
    return tuple(_event(connection, row) for row in _latest(connection, registers, wheres, limit))


def _latest(
    connection: Connection, registers: Sequence[int], wheres: Sequence[ColumnElement[bool]], limit: int | None
) -> list[_Row]:
    """Return the latest events of meters with these registers: so many of each device, by index, and merged."""
    event, register = stated_tables.meter_event, schema.register
    _, described = _describes(registers)
    devices = select(register.c.device).where(register.c.id.in_(list(registers))).distinct()
    found: list[_Row] = []
    for device in connection.execute(devices).scalars().all():
        query = select(event).where(event.c.device == device, described, *wheres)
        found += connection.execute(query.order_by(*(one.desc() for one in _place_of(event))).limit(limit)).all()
    return sorted(found, key=_place, reverse=True)[:limit]


def _describes(registers: Sequence[int]) -> tuple[Table, Exists]:
    """Return the link between descriptors and registers, and whether an event's meter ever had one of these."""
    event, descriptor, link = stated_tables.meter_event, schema.descriptor, schema.descriptor_register
    return link, exists().where(
        descriptor.c.device == event.c.device,
        descriptor.c.meter_index == event.c.meter_index,
        link.c.device == descriptor.c.device,
        link.c.descriptor == descriptor.c.id,
        link.c.register_id.in_(list(registers)),
    )


def _place_of(event: Table) -> tuple[Column[int], ...]:
    return event.c.at, event.c.stream_id, event.c.record


def _place(row: _Row) -> EventPlace:
    return EventPlace(row.at, row.stream_id, row.record)


def list_of_device(connection: Connection, device: DeviceId, limit: int) -> tuple[StatedEvent, ...]:
    """Return what a device stated of any of its meters, the newest first; at most `limit`."""
    event = stated_tables.meter_event
    newest = select(event).where(event.c.device == device).order_by(event.c.at.desc(), event.c.record.desc())
    events = [_event(connection, row) for row in connection.execute(newest.limit(limit)).all()]
    return tuple(sorted(events, key=lambda event: event.at, reverse=True))


def last_stated(
    connection: Connection, kinds: Collection[str], device: DeviceId | None = None
) -> dict[DeviceId, dict[int, str]]:
    """Return which of these kinds a device, or each, stated last of each of its meters, by their numbers there."""
    event = stated_tables.meter_event
    query = (
        select(event.c.device, event.c.meter_index, event.c.kind, func.max(event.c.at).label("at"))
        .where(event.c.kind.in_(list(kinds)))
        .group_by(event.c.device, event.c.meter_index, event.c.kind)
        .order_by("at")
    )
    if device is not None:
        query = query.where(event.c.device == device)
    found: dict[DeviceId, dict[int, str]] = {}
    for row in connection.execute(query):
        found.setdefault(DeviceId(row.device), {})[row.meter_index] = row.kind
    return found


def find_registers(connection: Connection, meters: Collection[tuple[DeviceId, int]]) -> frozenset[int]:
    """Return the registers that devices ever read under these numbers of meters."""
    link, descriptor = schema.descriptor_register, schema.descriptor
    query = (
        select(link.c.register_id)
        .join(descriptor, and_(descriptor.c.device == link.c.device, descriptor.c.id == link.c.descriptor))
        .where(tuple_(descriptor.c.device, descriptor.c.meter_index).in_(list(meters)))
    )
    return frozenset(connection.execute(query).scalars())


def _event(connection: Connection, row: _Row) -> StatedEvent:
    at = _stated_at(connection, row)
    return StatedEvent(
        device=DeviceId(row.device),
        serial=_serial(connection, row, at),
        at=at,
        kind=row.kind,
        before=_reading(connection, row, row.before_at, row.before_raw),
        after=_reading(connection, row, row.after_at, row.after_raw),
        was=row.was,
        now=row.now,
        note=row.note,
        place=_place(row),
    )


def _stated_at(connection: Connection, row: _Row) -> int:
    """Return when an event was seen: where the readings count that the device took then, in the same boot."""
    of_meter = {"device": row.device, "meter_index": row.meter_index}
    then = connection.execute(_read_then(), {**of_meter, "read_at": row.at, "boot_id": row.boot_id}).first()
    return row.at if then is None else _true_at(then)


def _reading(connection: Connection, row: _Row, read_at: int | None, raw: int | None) -> EventReading | None:
    """Return a reading beside an event, where it counts and with its energy, if the hub has taken it."""
    if read_at is None or raw is None:
        return None
    of_meter = {"device": row.device, "meter_index": row.meter_index}
    found = connection.execute(_read_beside(), {**of_meter, "rid": row.rid, "read_at": read_at, "raw": raw}).first()
    if found is None:
        return EventReading(read_at, signed_to_pattern(raw), None)
    return EventReading(_true_at(found), signed_to_pattern(raw), found.register_wh)


@functools.cache
def _read_then() -> Select[tuple[object, ...]]:
    # Built once, as those below: to build one takes longer than to look up what it asks for.
    reading = schema.reading
    return (
        _readings().where(reading.c.read_at == bindparam("read_at"), reading.c.boot_id == bindparam("boot_id")).limit(1)
    )


@functools.cache
def _read_beside() -> Select[tuple[object, ...]]:
    reading, link = schema.reading, schema.descriptor_register
    return (
        _readings()
        .where(
            link.c.rid == bindparam("rid"), reading.c.read_at == bindparam("read_at"), reading.c.raw == bindparam("raw")
        )
        .limit(1)
    )


def _readings() -> Select[tuple[object, ...]]:
    """Return the query of what a `device` read of its `meter_index`, with what its boots found later."""
    reading, link, descriptor = schema.reading, schema.descriptor_register, schema.descriptor
    clock = schema.boot_clock
    query: Select[tuple[object, ...]] = (
        select(
            reading.c.read_at, reading.c.boottime_ms, reading.c.time_quality, reading.c.register_wh, clock.c.offset_ms
        )
        .join(link, link.c.register_id == reading.c.register_id)
        .join(descriptor, and_(descriptor.c.device == link.c.device, descriptor.c.id == link.c.descriptor))
        .outerjoin(clock, and_(clock.c.device == descriptor.c.device, clock.c.boot_id == reading.c.boot_id))
        .where(
            descriptor.c.device == bindparam("device"),
            descriptor.c.meter_index == bindparam("meter_index"),
            ~is_placed(),
        )
    )
    return query


def _true_at(row: _Row) -> int:
    return true_at(row.read_at, row.boottime_ms, TimeQuality(row.time_quality), row.offset_ms)


def _serial(connection: Connection, row: _Row, at: int) -> str:
    """Return the serial number of the meter that a device read under this number at an instant (UTC ms), or before.

    Of a number that was not read by then it is that of the meter that was described last.
    """
    asked = {"device": row.device, "meter_index": row.meter_index, "at": at}
    return str(connection.execute(_find_serial(), asked).scalar())


@functools.cache
def _find_serial() -> Select[tuple[str]]:
    reading, link, descriptor = schema.reading, schema.descriptor_register, schema.descriptor
    # A seek for each register: a join with readings would go over all of them.
    last = (
        select(reading.c.read_at)
        .where(reading.c.register_id == link.c.register_id, reading.c.read_at <= bindparam("at"))
        .order_by(reading.c.read_at.desc())
        .limit(1)
        .correlate(link)
        .scalar_subquery()
    )
    return (
        select(descriptor.c.serial)
        .outerjoin(link, and_(link.c.device == descriptor.c.device, link.c.descriptor == descriptor.c.id))
        .where(descriptor.c.device == bindparam("device"), descriptor.c.meter_index == bindparam("meter_index"))
        .order_by(last.desc().nulls_last(), descriptor.c.stream_id.desc(), descriptor.c.seq.desc())
        .limit(1)
    )
