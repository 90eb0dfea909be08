"""Which stored readings may decide a month: the rules' own words (`hub.rules.production`) in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from hub.rules.production import DOUBTED_STATUS, EARLIEST_READ_AT, READ_AHEAD_MS_MAX
from hub.store import schema
from protocol.messages import TimeQuality

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, ScalarSelect


def is_good() -> ColumnElement[bool]:
    """Return whether a reading has energy in it that its device does not doubt, and a time that can be true."""
    reading = schema.reading
    return and_(
        reading.c.register_wh.is_not(None),
        ~is_doubted(),
        # As differences: SQLite would take a plain bound on `read_at` for where to begin, in place of a query's own.
        reading.c.read_at - EARLIEST_READ_AT >= 0,
        reading.c.read_at - received_at() <= READ_AHEAD_MS_MAX,
    )


def is_doubted() -> ColumnElement[bool]:
    """Return whether the device marked a reading as suspect or held."""
    return schema.reading.c.poll_status.bitwise_and(DOUBTED_STATUS) != 0


def is_verified() -> ColumnElement[bool]:
    """Return whether anyone vouched for the clock when the reading was taken."""
    return schema.reading.c.time_quality != int(TimeQuality.UNKNOWN)


def received_at() -> ScalarSelect[int]:
    """Return when the block of a reading was received."""
    block, reading = schema.block, schema.reading
    return (
        select(block.c.received_at)
        .where(block.c.stream_id == reading.c.stream_id, block.c.seq == reading.c.seq)
        .correlate(reading)
        .scalar_subquery()
    )
