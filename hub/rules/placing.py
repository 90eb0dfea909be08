"""When a reading was taken whose device had no trustworthy clock yet: what the same boot knew later gives the instant.

Boottime runs on undisturbed while the wall clock is set, so wall minus boottime, once synchronised, holds for every
instant of that boot, earlier ones too. What the device signed is never changed: an instant worked out here stands
beside it and is marked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from protocol.messages import ClockEvent, Readings, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Iterator

AGREES_MS_MAX = 1000
"""A clock that was no further off than this was right: its readings stand where they were read. It is the error below
which the kernel calls a clock synchronised."""

SYNCHRONISED_SOURCES = frozenset({2, 4})
"""Sources of a clock event, NTP and GNSS, whose time is taken for true; an operator's or an RTC's is not."""


class Placing(StrEnum):
    """Where a reading's instant comes from.

    AS_READ: the device's clock, for what it was worth. CONFIRMED: the same, and the same boot found it right later.
    PLACED: worked out from what the same boot knew later.
    """

    AS_READ = "as_read"
    CONFIRMED = "confirmed"
    PLACED = "placed"


def is_doubtful(quality: TimeQuality) -> bool:
    """Return whether a reading with this time quality needs its boot's word.

    Citation: `citations.CALENDAR_MONTH`.
    """
    return quality < TimeQuality.SYNCHRONISED


def synchronised_offset(frame: Readings | ClockEvent) -> int | None:
    """Return wall minus boottime (ms) as a frame's boot knew it first from a synchronised clock, None if it did not.

    Citation: `citations.CALENDAR_MONTH`.
    """
    return next(_offsets(frame), None)


def placed_at(boottime_ms: int, offset_ms: int) -> int:
    """Return when (UTC ms) something was that happened at `boottime_ms` of a boot with this synchronised offset.

    Citation: `citations.CALENDAR_MONTH`.
    """
    return boottime_ms + offset_ms


def agrees(read_at: int, boottime_ms: int, offset_ms: int) -> bool:
    """Return whether a reading's own clock was right, as its boot found later.

    Citation: `citations.CALENDAR_MONTH`.
    """
    return abs(read_at - placed_at(boottime_ms, offset_ms)) <= AGREES_MS_MAX


def true_at(read_at: int, boottime_ms: int, quality: TimeQuality, offset_ms: int | None) -> int:
    """Return when (UTC ms) a reading counts: as read, or where its boot places it that found the clock wrong later.

    `offset_ms` is the synchronised offset of its boot, None where that is not known.
    Citation: `citations.CALENDAR_MONTH`.
    """
    if offset_ms is None or not is_doubtful(quality) or agrees(read_at, boottime_ms, offset_ms):
        return read_at
    return placed_at(boottime_ms, offset_ms)


def _offsets(frame: Readings | ClockEvent) -> Iterator[int]:
    if isinstance(frame, ClockEvent):
        if frame.source in SYNCHRONISED_SOURCES:
            yield frame.new_offset_ms
    else:
        for offset_ms, quality in zip(frame.offset_ms, frame.quality, strict=True):
            if not is_doubtful(quality):
                yield offset_ms
