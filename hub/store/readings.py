"""Readings derived from blocks: written once, compared when they come again, watched for a register that goes down."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, func, insert, select

from hub.rules.production import EARLIEST_READ_AT
from hub.store import schema
from hub.store.dialect import insert_new
from hub.store.patterns import pattern_to_signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from protocol.identity import BootId
    from protocol.messages import ClockEvent, Gap, PollErrors


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """One reading as stored. `raw` is the unsigned pattern, `register_wh` None where the count has no energy in it."""

    register_id: int
    read_at: int
    boot_id: BootId
    boottime_ms: int
    raw: int
    register_wh: int | None
    scale_id: int
    time_quality: int
    poll_status: int
    stream: int
    seq: int


def add_readings(connection: Connection, rows: Sequence[ReadingRow]) -> int:
    """Insert readings and return how many contradict one already there with the same key.

    The key is (register, read_at, boot id, boottime): the same reading sealed again is skipped, a different value under
    the same key is kept beside the first in `reading_conflict`, never instead of it.
    """
    if not rows:
        return 0
    values = [_values(row) for row in rows]
    result = connection.execute(insert_new(connection, schema.reading), values)
    conflicts = 0
    if result.rowcount != len(rows):
        conflicts = sum(_keep_conflict(connection, row) for row in rows)
    spans: dict[int, tuple[int, int]] = {}
    for row in rows:
        lowest, highest = spans.get(row.register_id, (row.read_at, row.read_at))
        spans[row.register_id] = min(lowest, row.read_at), max(highest, row.read_at)
    for register_id, (lowest, highest) in spans.items():
        _watch_for_drops(connection, register_id, lowest, highest)
    return conflicts


def add_gap(connection: Connection, stream: int, record: int, gap: Gap) -> None:
    """Keep a device's statement of a gap."""
    connection.execute(
        insert_new(connection, schema.gap).values(
            stream_id=stream,
            record=record,
            meter_index=gap.meter,
            from_at=gap.from_at,
            to_at=gap.to_at,
            cause=str(gap.cause),
        )
    )


def add_poll_errors(connection: Connection, stream: int, record: int, errors: PollErrors) -> None:
    """Keep how many polls failed, by cause."""
    rows = [
        {
            "stream_id": stream,
            "record": record,
            "cause": cause,
            "meter_index": errors.meter,
            "from_at": errors.from_at,
            "to_at": errors.to_at,
            "polls": polls,
        }
        for cause, polls in errors.counts.items()
    ]
    if rows:
        connection.execute(insert_new(connection, schema.poll_error), rows)


def add_clock_event(connection: Connection, stream: int, record: int, event: ClockEvent) -> None:
    """Keep that a device's wall clock moved."""
    connection.execute(
        insert_new(connection, schema.clock_event).values(
            stream_id=stream,
            record=record,
            boottime_ms=event.boottime_ms,
            old_offset_ms=event.old_offset_ms,
            new_offset_ms=event.new_offset_ms,
            source=event.source,
            error_ms=event.error_ms,
        )
    )


def systems_of(connection: Connection, registers: Iterable[int]) -> frozenset[str]:
    """Return the PTS ids of the systems whose meters own these registers."""
    meter, register = schema.meter, schema.register
    query = (
        select(meter.c.system)
        .join(register, and_(register.c.device == meter.c.device, register.c.serial == meter.c.serial))
        .where(register.c.id.in_(list(registers)))
        .distinct()
    )
    return frozenset(connection.execute(query).scalars())


def _values(row: ReadingRow) -> dict[str, int | bytes | None]:
    return {
        "register_id": row.register_id,
        "read_at": row.read_at,
        "boot_id": row.boot_id,
        "boottime_ms": row.boottime_ms,
        "raw": pattern_to_signed(row.raw),
        "register_wh": row.register_wh,
        "scale_id": row.scale_id,
        "time_quality": row.time_quality,
        "poll_status": row.poll_status,
        "stream_id": row.stream,
        "seq": row.seq,
    }


def _keep_conflict(connection: Connection, row: ReadingRow) -> bool:
    table = schema.reading
    held = connection.execute(
        select(table.c.raw, table.c.register_wh, table.c.stream_id, table.c.seq).where(
            table.c.register_id == row.register_id,
            table.c.read_at == row.read_at,
            table.c.boot_id == row.boot_id,
            table.c.boottime_ms == row.boottime_ms,
        )
    ).one()
    if held.raw == pattern_to_signed(row.raw) and held.register_wh == row.register_wh:
        return False
    values = _values(row)
    kept = {column.name: values[column.name] for column in schema.reading_conflict.c}
    connection.execute(insert_new(connection, schema.reading_conflict).values(kept))
    return True


def _watch_for_drops(connection: Connection, register_id: int, lowest: int, highest: int) -> None:
    """Compare neighbours from the last reading before `lowest` to the first after `highest`; keep what went down."""
    table, drop = schema.reading, schema.register_drop
    good = and_(
        table.c.register_id == register_id, table.c.register_wh.is_not(None), table.c.read_at >= EARLIEST_READ_AT
    )
    before = select(func.max(table.c.read_at)).where(good, table.c.read_at < lowest).scalar_subquery()
    after = select(func.min(table.c.read_at)).where(good, table.c.read_at > highest).scalar_subquery()
    rows = connection.execute(
        select(table.c.read_at, table.c.register_wh)
        .where(good, table.c.read_at >= func.coalesce(before, lowest), table.c.read_at <= func.coalesce(after, highest))
        .order_by(table.c.read_at, table.c.boottime_ms)
    ).all()
    if not rows:
        return
    connection.execute(
        delete(drop).where(
            drop.c.register_id == register_id, drop.c.read_at > rows[0].read_at, drop.c.read_at <= rows[-1].read_at
        )
    )
    found = {
        later.read_at: {"register_id": register_id, "read_at": later.read_at, "before_at": earlier.read_at}
        for earlier, later in itertools.pairwise(rows)
        if later.register_wh < earlier.register_wh
    }
    if found:
        connection.execute(insert(drop), list(found.values()))
