"""Readings derived from blocks: written once, compared when they come again, watched for a register that goes down."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from hub.store import schema
from hub.store.dialect import insert_new
from hub.store.good_readings import is_good, is_verified
from hub.store.patterns import pattern_to_signed

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@dataclass(frozen=True, slots=True)
class Unconverted:
    """How many readings of a register, in this unit, could not be turned into Wh."""

    register_id: int
    unit: str
    readings: int


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


def count_unconverted(connection: Connection) -> tuple[Unconverted, ...]:
    """Return how many readings have no energy in Wh, by register and unit."""
    table, scale = schema.reading, schema.register_scale
    rows = connection.execute(
        select(table.c.register_id, scale.c.unit, func.count().label("readings"))
        .join(scale, scale.c.id == table.c.scale_id)
        .where(table.c.register_wh.is_(None))
        .group_by(table.c.register_id, scale.c.unit)
        .order_by(table.c.register_id, scale.c.unit)
    )
    return tuple(Unconverted(row.register_id, row.unit, row.readings) for row in rows)


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
    """Compare neighbours from the last reading before `lowest` to the first after `highest`; keep where it went down.

    Neighbours are good verified readings in order of time, and at one instant of boottime. A drop belongs to the
    instant of its later reading, so those from `lowest` on are found anew; one at the last instant before stays as it
    was found.
    """
    table, drop = schema.reading, schema.register_drop
    read_at = table.c.read_at
    compared = select(read_at, table.c.register_wh).where(table.c.register_id == register_id, is_good(), is_verified())
    at_only = compared.with_only_columns(read_at)
    before = at_only.where(read_at < lowest).order_by(read_at.desc()).limit(1).scalar_subquery()
    after = at_only.where(read_at > highest).order_by(read_at).limit(1).scalar_subquery()
    rows = connection.execute(
        compared.where(read_at >= func.coalesce(before, lowest), read_at <= func.coalesce(after, highest)).order_by(
            read_at, table.c.boottime_ms, table.c.boot_id
        )
    ).all()
    if not rows:
        return
    connection.execute(
        delete(drop).where(
            drop.c.register_id == register_id, drop.c.read_at >= lowest, drop.c.read_at <= rows[-1].read_at
        )
    )
    found = {
        later.read_at
        for earlier, later in itertools.pairwise(rows)
        if later.read_at >= lowest and later.register_wh < earlier.register_wh
    }
    if found:
        connection.execute(insert(drop), [{"register_id": register_id, "read_at": at} for at in sorted(found)])
