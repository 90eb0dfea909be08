"""When to poll: at the edges of intervals counted from 1970-01-01 UTC, so that all meters everywhere share them.

All times are UTC ms; there is no local time here and therefore no daylight saving.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Due:
    """The edge to poll now, None if there is none, and when to look again."""

    edge_ms: int | None
    wake_at: int


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
