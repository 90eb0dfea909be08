"""Readings as a chart's columns: of each stretch of time the first and the last, found by index and never by a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, literal, select

from hub.store import schema
from hub.store.good_readings import is_good

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import CTE, ColumnElement, Connection, ScalarSelect


@dataclass(frozen=True, slots=True)
class Column:
    """The first and the last good reading of one stretch of time: their instants (UTC ms) and registers (Wh)."""

    first_at: int
    first_wh: int
    last_at: int
    last_wh: int


def read_columns(
    connection: Connection, registers: Sequence[int], from_at: int, to_at: int, count: int
) -> tuple[Column, ...]:
    """Return the time from `from_at` to `to_at` (UTC ms, both included) in at most `count` columns with readings.

    It takes one statement for each register and four look-ups for each column, whatever lies in between.
    """
    width = max(1, (to_at - from_at) // count + 1)
    found: dict[int, Column] = {}
    for register in registers:
        for number, column in _of_register(connection, register, from_at, width, count):
            found[number] = _join(found[number], column) if number in found else column
    return tuple(found[number] for number in sorted(found))


def count_by_slot(
    connection: Connection, registers: Sequence[int], from_at: int, until_at: int, slot_ms: int
) -> dict[int, int]:
    """Return how many readings of these registers were taken in each slot of time from `from_at` on; none is left out.

    It goes over all readings in between, so the caller bounds the time. What a device doubts was read all the same.
    """
    read_at = schema.reading.c.read_at
    slot = (read_at - from_at) // slot_ms
    query = (
        select(slot.label("slot"), func.count().label("readings"))
        .where(schema.reading.c.register_id.in_(list(registers)), read_at >= from_at, read_at < until_at)
        .group_by(slot)
    )
    return {row.slot: row.readings for row in connection.execute(query)}


def _of_register(
    connection: Connection, register: int, from_at: int, width: int, count: int
) -> Iterator[tuple[int, Column]]:
    numbers = _count_to(count)
    starts_at = literal(from_at) + numbers.c.number * width
    within = and_(schema.reading.c.read_at >= starts_at, schema.reading.c.read_at < starts_at + width)
    read_at, register_wh = schema.reading.c.read_at, schema.reading.c.register_wh
    query = select(
        numbers.c.number,
        _end(register, within, numbers, read_at, is_last=False).label("first_at"),
        _end(register, within, numbers, register_wh, is_last=False).label("first_wh"),
        _end(register, within, numbers, read_at, is_last=True).label("last_at"),
        _end(register, within, numbers, register_wh, is_last=True).label("last_wh"),
    )
    for row in connection.execute(query):
        if row.first_at is not None:
            yield row.number, Column(row.first_at, row.first_wh, row.last_at, row.last_wh)


def _count_to(count: int) -> CTE:
    numbers = select(literal(0).label("number")).cte("numbers", recursive=True)
    return numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < count - 1))


def _end(
    register: int, within: ColumnElement[bool], numbers: CTE, wanted: ColumnElement[int], *, is_last: bool
) -> ScalarSelect[int]:
    """Return what is wanted of the first or the last good reading of a register within a column."""
    key = (schema.reading.c.read_at, schema.reading.c.boot_id, schema.reading.c.boottime_ms)
    order = [column.desc() for column in key] if is_last else list(key)
    return (
        select(wanted)
        .where(schema.reading.c.register_id == register, within, is_good())
        .order_by(*order)
        .limit(1)
        .correlate(numbers)
        .scalar_subquery()
    )


def _join(one: Column, other: Column) -> Column:
    """Return the column of a meter that two devices read in it, one after the other or side by side."""
    first = min((one.first_at, one.first_wh), (other.first_at, other.first_wh))
    last = max((one.last_at, one.last_wh), (other.last_at, other.last_wh))
    return Column(*first, *last)
