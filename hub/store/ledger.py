"""The ledger of accepted readings: one reading counts for a meter and a month, of several versions the last."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Select, Text, bindparam, func, insert, select

from hub.rules.periods import parse_month
from hub.rules.reported import AcceptedReading, Origin
from hub.store.ledger_tables import accepted_reading
from hub.store.schema import meter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Table

    from hub.rules.periods import ProductionMonth

METERS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted reading as the ledger has it: in which version, who reported it and why, and what it replaces.

    `accepted_at` is UTC ms; `reading` names the reading in custody that it is, for one that a device took.
    """

    accepted: AcceptedReading
    version: int
    accepted_at: int
    actor: str
    reading: str | None
    replaces: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is to be entered for a meter and a month; replaces the entry that is there, if there is one."""

    meter: int
    month: ProductionMonth
    read_at: int
    register_wh: int
    origin: Origin
    actor: str
    reading: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """The readings that decide a meter's month: the last before it, the one that counts for it, the first after it."""

    before: AcceptedReading | None = None
    counting: AcceptedReading | None = None
    after: AcceptedReading | None = None


def add_entry(connection: Connection, new: NewEntry, at: int) -> Entry:
    """Enter a reading at `at` (UTC ms) and return its entry; it names the one whose place it takes."""
    held = find_entry(connection, new.meter, new.month)
    version = 1 if held is None else held.version + 1
    values = {
        "meter_id": new.meter,
        "month": str(new.month),
        "version": version,
        "read_at": new.read_at,
        "register_wh": new.register_wh,
        "origin": new.origin.value,
        "accepted_at": at,
        "actor": new.actor,
        "reading": new.reading,
        "replaces": None if held is None else held.accepted.id,
        "reason": new.reason,
    }
    row = connection.execute(insert(accepted_reading).values(values).returning(accepted_reading)).one()
    return _entry(row)


def add_first_entries(connection: Connection, entries: Iterable[NewEntry], at: int) -> None:
    """Enter many readings for months that have none, at `at` (UTC ms)."""
    values = [
        {
            "meter_id": new.meter,
            "month": str(new.month),
            "version": 1,
            "read_at": new.read_at,
            "register_wh": new.register_wh,
            "origin": new.origin.value,
            "accepted_at": at,
            "actor": new.actor,
            "reading": new.reading,
            "reason": new.reason,
        }
        for new in entries
    ]
    if values:
        connection.execute(insert(accepted_reading), values)


def find_entry(connection: Connection, meter_id: int, month: ProductionMonth) -> Entry | None:
    """Return what counts for a meter and a month."""
    table = accepted_reading
    query = (
        select(table)
        .where(table.c.meter_id == meter_id, table.c.month == str(month))
        .order_by(table.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _entry(row)


def find_numbered(connection: Connection, numbers: Collection[int]) -> dict[int, Entry]:
    """Return the entries with these numbers, by number."""
    table = accepted_reading
    found = connection.execute(select(table).where(table.c.number.in_(list(numbers))))
    return {row.number: _entry(row) for row in found}


def find_entries(connection: Connection, meters: Sequence[int], month: ProductionMonth) -> dict[int, Entry]:
    """Return what counts for each of these meters and a month, by meter; meters without an entry are left out."""
    table = accepted_reading
    found: dict[int, Entry] = {}
    for start in range(0, len(meters), METERS_AT_ONCE):
        chosen = table.c.meter_id.in_(meters[start : start + METERS_AT_ONCE])
        query = select(table).where(chosen, table.c.month == str(month), _is_last(table))
        found |= {row.meter_id: _entry(row) for row in connection.execute(query)}
    return found


def list_entries(connection: Connection, meter_id: int, *, every_version: bool = False) -> tuple[Entry, ...]:
    """Return what counts for a meter, by month; with `every_version` also what was replaced, oldest first."""
    table = accepted_reading
    query = select(table).where(table.c.meter_id == meter_id).order_by(table.c.month, table.c.version)
    if not every_version:
        query = query.where(_is_last(table))
    return tuple(map(_entry, connection.execute(query)))


def list_before(
    connection: Connection, meter_id: int, month: ProductionMonth, limit: int
) -> tuple[AcceptedReading, ...]:
    """Return the last readings that count for months before this one, at most `limit`, the latest first."""
    table = accepted_reading
    query = (
        select(table)
        .where(table.c.meter_id == meter_id, table.c.month < str(month), _is_last(table))
        .order_by(table.c.month.desc())
        .limit(limit)
    )
    return tuple(_entry(row).accepted for row in connection.execute(query))


def list_last(
    connection: Connection, meters: Sequence[int], month: ProductionMonth, limit: int
) -> dict[int, tuple[AcceptedReading, ...]]:
    """Return of each of these meters (at most `METERS_AT_ONCE`) the last readings that count for months before one.

    At most `limit` of each, the latest first; meters without any are left out.
    """
    assert len(meters) <= METERS_AT_ONCE, len(meters)
    table = accepted_reading
    place = func.row_number().over(partition_by=table.c.meter_id, order_by=table.c.month.desc()).label("place")
    chosen = table.c.meter_id.in_(meters)
    ranked = select(table, place).where(chosen, table.c.month < str(month), _is_last(table)).subquery()
    query = select(ranked).where(ranked.c.place <= limit).order_by(ranked.c.meter_id, ranked.c.place)
    rows = map(_accepted, connection.execute(query))
    return {meter: tuple(some) for meter, some in itertools.groupby(rows, key=lambda one: one.meter)}


def last_number(connection: Connection) -> int:
    """Return the number of the last entry, 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(accepted_reading.c.number), 0))).scalar_one())


def find_reported(
    connection: Connection, meters: Collection[int], month: ProductionMonth, until: int
) -> frozenset[int]:
    """Return those of these meters (at most `METERS_AT_ONCE`) of which a reading counts for this month.

    `until` is the number of the last entry that is looked at: the ledger as it was then.
    """
    assert len(meters) <= METERS_AT_ONCE, len(meters)
    rows = connection.execute(_find_reported(), {"meters": list(meters), "month": str(month), "until": until})
    return frozenset(row.meter_id for row in rows)


def find_around(
    connection: Connection, meters: Collection[int], month: ProductionMonth, until: int
) -> dict[int, Around]:
    """Return what decides this month of each of these meters (at most `METERS_AT_ONCE`), by meter.

    `until` is the number of the last entry that is looked at: the ledger as it was then.
    """
    assert len(meters) <= METERS_AT_ONCE, len(meters)
    rows = connection.execute(_find_around(), {"meters": list(meters), "month": str(month), "until": until})
    found = dict.fromkeys(meters, Around())
    for row in rows:
        accepted = _accepted(row)
        place = "counting" if accepted.month == month else "before" if accepted.month < month else "after"
        found[accepted.meter] = replace(found[accepted.meter], **{place: accepted})
    return found


@functools.cache
def _find_reported() -> Select[tuple[int]]:
    table = accepted_reading
    return select(table.c.meter_id).where(
        table.c.meter_id.in_(bindparam("meters", expanding=True)),
        table.c.month == bindparam("month", type_=Text),
        table.c.number <= bindparam("until"),
    )


@functools.cache
def _find_around() -> Select[tuple[object, ...]]:
    """Three lookups in the unique key for each meter, however long its history is."""
    table, near = accepted_reading, accepted_reading.alias("near")
    month = bindparam("month", type_=Text)
    newest_first = (near.c.month.desc(), near.c.version.desc())
    numbers = [
        select(near.c.number)
        .where(near.c.meter_id == meter.c.id, where, near.c.number <= bindparam("until"))
        .order_by(*order)
        .limit(1)
        .correlate(meter)
        .scalar_subquery()
        for where, order in (
            (near.c.month == month, newest_first),
            (near.c.month < month, newest_first),
            (near.c.month > month, (near.c.month, near.c.version.desc())),
        )
    ]
    return (
        select(table.c.number, table.c.meter_id, table.c.month, table.c.read_at, table.c.register_wh, table.c.origin)
        .select_from(meter.join(table, table.c.number.in_(numbers)))
        .where(meter.c.id.in_(bindparam("meters", expanding=True)))
    )


def _is_last(table: Table) -> ColumnElement[bool]:
    later = accepted_reading.alias("later")
    newer = select(later.c.number).where(
        later.c.meter_id == table.c.meter_id, later.c.month == table.c.month, later.c.version > table.c.version
    )
    return ~newer.correlate(table).exists()


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    return Entry(
        accepted=_accepted(row),
        version=row.version,
        accepted_at=row.accepted_at,
        actor=row.actor,
        reading=row.reading,
        replaces=row.replaces,
        reason=row.reason,
    )


def _accepted(row: Row[tuple[object, ...]]) -> AcceptedReading:
    return AcceptedReading(
        id=row.number,
        meter=row.meter_id,
        month=_month(row.month),
        read_at=row.read_at,
        register_wh=row.register_wh,
        origin=Origin(row.origin),
    )


@functools.lru_cache(maxsize=2_400)
def _month(text: str) -> ProductionMonth:
    return parse_month(text)
