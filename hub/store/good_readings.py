"""Which stored readings may decide a month: the rules' own words (`hub.rules.production`) in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select

from hub.rules.placing import AGREES_MS_MAX, Placing
from hub.rules.production import EARLIEST_READ_AT, READ_AHEAD_MS_MAX
from hub.store import schema
from protocol.messages import TimeQuality
from protocol.records import STATUS_DOUBTED, STATUS_PLACED

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Exists, ScalarSelect


def is_good() -> ColumnElement[bool]:
    """Return whether a reading has energy in it that its device does not doubt, and a time that can be true.

    A time that its boot found wrong later is none.
    """
    reading = schema.reading
    return and_(
        reading.c.register_wh.is_not(None),
        ~is_doubted(),
        # As differences: SQLite would take a plain bound on `read_at` for where to begin, in place of a query's own.
        reading.c.read_at - EARLIEST_READ_AT >= 0,
        reading.c.read_at - received_at() <= READ_AHEAD_MS_MAX,
        ~is_displaced(),
    )


def is_displaced() -> ColumnElement[bool]:
    """Return whether a reading stands at an instant that its boot found wrong later: its placed row counts instead."""
    return and_(~_is_sure(), _has_clock(agrees=False))


def is_doubted() -> ColumnElement[bool]:
    """Return whether the device marked a reading as suspect or held."""
    return schema.reading.c.poll_status.bitwise_and(STATUS_DOUBTED) != 0


def is_verified() -> ColumnElement[bool]:
    """Return whether anyone vouched for the reading's clock, then or later in the same boot."""
    is_stated = schema.reading.c.time_quality != int(TimeQuality.UNKNOWN)
    return or_(is_stated, is_placed(), _has_clock(agrees=True))


def is_placed() -> ColumnElement[bool]:
    """Return whether the row is a reading at the instant that its boot's later word gives."""
    return schema.reading.c.poll_status.bitwise_and(STATUS_PLACED) != 0


def placing() -> ColumnElement[str]:
    """Return the `Placing` of a good reading."""
    return case(
        (is_placed(), Placing.PLACED.value),
        (or_(_is_sure(), ~_has_clock(agrees=True)), Placing.AS_READ.value),
        else_=Placing.CONFIRMED.value,
    )


def _is_sure() -> ColumnElement[bool]:
    """Return whether a row needs no word of its boot: nearly always, and then nobody looks for one."""
    return or_(schema.reading.c.time_quality >= int(TimeQuality.SYNCHRONISED), is_placed())


def _has_clock(*, agrees: bool) -> Exists:
    """Return whether the boot of a reading knew the right time later, and the reading's clock agrees or does not."""
    reading, register, clock = schema.reading, schema.register, schema.boot_clock
    off_ms = func.abs(reading.c.read_at - reading.c.boottime_ms - clock.c.offset_ms)
    return (
        select(clock.c.offset_ms)
        .join(register, register.c.device == clock.c.device)
        .where(
            register.c.id == reading.c.register_id,
            clock.c.boot_id == reading.c.boot_id,
            off_ms <= AGREES_MS_MAX if agrees else off_ms > AGREES_MS_MAX,
        )
        .correlate(reading)
        .exists()
    )


def received_at() -> ScalarSelect[int]:
    """Return when the block of a reading was received."""
    block, reading = schema.block, schema.reading
    return (
        select(block.c.received_at)
        .where(block.c.stream_id == reading.c.stream_id, block.c.seq == reading.c.seq)
        .correlate(reading)
        .scalar_subquery()
    )
