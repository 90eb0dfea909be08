"""When to poll: at the edges of intervals counted from 1970-01-01 UTC, so that all meters everywhere share them.

All times are UTC ms; there is no local time here and therefore no daylight saving.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

HOUR_MS = 3_600_000
_HOURS_EAST_MAX = 14
_HOURS_WEST_MAX = 12
"""How far civil time is from UTC at most: the tz database's Pacific/Kiritimati, and the nautical zone of UTC-12."""

STEP_MS = 1000
"""A wall clock that moved this much against boottime was set by somebody; less is the kernel's own correction."""


@dataclass(frozen=True, slots=True)
class Due:
    """The edge to poll now, None if there is none, and when to look again."""

    edge_ms: int | None
    wake_at: int


class ClockSeen(NamedTuple):
    """A wall clock: in which boot, wall minus boottime in ms, and whether anyone vouched for it."""

    boot_count: int
    offset_ms: int
    is_verified: bool

    def is_like(self, other: ClockSeen) -> bool:
        """Return whether nothing happened to the clock between the two."""
        is_set = abs(self.offset_ms - other.offset_ms) >= STEP_MS
        return (self.boot_count, self.is_verified, False) == (other.boot_count, other.is_verified, is_set)


def next_edge(now_ms: int, interval_ms: int) -> int:
    """Return the first interval edge at or after `now_ms`."""
    return -(-now_ms // interval_ms) * interval_ms


def grace_ms(interval_ms: int) -> int:
    """Return how long after its edge a poll is still worth making: less than half the interval.

    An edge is only the schedule: what counts is the reading's own instant, so a late reading is as true as a punctual
    one. From the middle of the interval on it would stand nearer to the next edge, which has its own poll.
    """
    return interval_ms // 2


def edges_due(last_edge_ms: int | None, now_ms: int, interval_ms: int) -> Due:
    """Return the edge to poll now and when to look again; `last_edge_ms` is that of the last journaled poll, or None.

    The newest edge is due from its instant until the grace is over, also after a restart or a cycle that took longer
    than an interval; edges before it are lost. The edge that was journaled last is never due, so neither a restart nor
    a small step of the clock polls it twice. Every other edge is, whether the journal has it or not: after a clock was
    set back the same edges are other instants, told apart by their boottimes. So no clock that runs undisturbed for an
    interval and its grace comes by without a poll. Whoever waits for `wake_at` must look again when the clock is set
    back.
    """
    edge_ms = now_ms // interval_ms * interval_ms
    is_journaled = last_edge_ms == edge_ms
    is_late = now_ms - edge_ms >= grace_ms(interval_ms)
    return Due(edge_ms=None if is_journaled or is_late else edge_ms, wake_at=edge_ms + interval_ms)


def last_edge_now(last_edge_ms: int, before: ClockSeen | None, now: ClockSeen, interval_ms: int) -> int | None:
    """Return the interval edge (UTC ms, by the clock now) of the last poll, None if nobody can tell.

    `before` is the clock of that poll, None where it was not noted: then it is taken for good. In one boot a step of
    the clock moves the poll with it. After another boot its edge is what both clocks say, if both are verified.
    """
    if before is None:
        return last_edge_ms
    if before.boot_count != now.boot_count:
        return last_edge_ms if before.is_verified and now.is_verified else None
    step_ms = now.offset_ms - before.offset_ms
    return last_edge_ms if abs(step_ms) < STEP_MS else (last_edge_ms + step_ms) // interval_ms * interval_ms


def is_near_month_edge(edge_ms: int) -> bool:
    """Return whether a month may begin at this interval edge (UTC ms) in some zone of the earth: 27 hours a month."""
    if edge_ms % HOUR_MS:
        return False
    earliest, latest = (
        datetime.fromtimestamp((edge_ms + shift_ms) // 1000, UTC)
        for shift_ms in (-_HOURS_WEST_MAX * HOUR_MS, _HOURS_EAST_MAX * HOUR_MS)
    )
    is_first = (latest.day, latest.hour) == (1, 0) or (earliest.day, earliest.hour) == (1, 0)
    return is_first or (earliest.year, earliest.month) != (latest.year, latest.month)
