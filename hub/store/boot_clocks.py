"""What each boot of a device found to be the right time, and the readings that are placed by it. Facts are only added.

A placed reading is a row of its own beside the one as read, marked STATUS_PLACED; `hub.store.good_readings` says which
of the two counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, tuple_

from hub.rules.placing import agrees, placed_at
from hub.store import drops, schema
from hub.store.dialect import insert_rows
from protocol.identity import BootId, DeviceId
from protocol.messages import TimeQuality
from protocol.records import STATUS_PLACED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import ColumnElement, Connection, Row

Boot = tuple[DeviceId, BootId]
Span = tuple[int, int]
"""Readings from the first to the last instant, both UTC ms and included, as read."""


def find_clocks(connection: Connection, boots: Collection[Boot]) -> dict[Boot, int]:
    """Return wall minus boottime (ms) of those of these boots that ever knew the right time."""
    clock = schema.boot_clock
    rows = connection.execute(select(clock).where(tuple_(clock.c.device, clock.c.boot_id).in_(list(boots))))
    return {(DeviceId(row.device), BootId(row.boot_id)): row.offset_ms for row in rows}


def add_clocks(connection: Connection, clocks: Mapping[Boot, int]) -> None:
    """Keep what boots found, which must not be known of them yet."""
    insert_rows(connection, schema.boot_clock, [(*boot, offset_ms) for boot, offset_ms in clocks.items()])


def place_readings(connection: Connection, boot: Boot, offset_ms: int, span: Span | None) -> frozenset[int]:
    """Place the doubtful readings of a boot that were read in `span` (None: all of them) by its synchronised offset.

    Return the registers of those whose time is known now: placed, or found to have been right.
    """
    device, boot_id = boot
    reading, register = schema.reading, schema.register
    where: list[ColumnElement[bool]] = [] if span is None else [reading.c.read_at.between(*span)]
    rows = connection.execute(
        select(reading)
        .join(register, register.c.id == reading.c.register_id)
        .where(
            register.c.device == device,
            reading.c.boot_id == boot_id,
            reading.c.time_quality <= int(TimeQuality.INFORMATIVE),
            reading.c.poll_status.bitwise_and(STATUS_PLACED) == 0,
            *where,
        )
    ).all()
    wrong = [row for row in rows if not agrees(row.read_at, row.boottime_ms, offset_ms)]
    insert_rows(connection, reading, [_placed(row, offset_ms) for row in wrong])
    touched: dict[int, list[int]] = {}
    for row in rows:
        touched.setdefault(row.register_id, []).extend((row.read_at, placed_at(row.boottime_ms, offset_ms)))
    for register_id, instants in touched.items():
        drops.compare_anew(connection, register_id, min(instants), max(instants))
    return frozenset(touched)


def _placed(row: Row[tuple[object, ...]], offset_ms: int) -> tuple[object, ...]:
    """Return a stored reading at the instant that its boot gives it, in the order of the table's columns."""
    values = row._asdict()
    values["read_at"] = placed_at(row.boottime_ms, offset_ms)
    values["poll_status"] = row.poll_status | STATUS_PLACED
    return tuple(values.values())
