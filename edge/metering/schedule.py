"""When to poll: at the edges of intervals counted from 1970-01-01 UTC, so that all meters everywhere share them.

All times are UTC ms; there is no local time here and therefore no daylight saving.
"""

from __future__ import annotations

from dataclasses import dataclass

GRACE_MS_MAX = 60_000


@dataclass(frozen=True, slots=True)
class Due:
    """The edge to poll now, None if there is none, and when to look again."""

    edge_ms: int | None
    wake_at: int


def next_edge(now_ms: int, interval_ms: int) -> int:
    """Return the first interval edge at or after `now_ms`."""
    return -(-now_ms // interval_ms) * interval_ms


def grace_ms(interval_ms: int) -> int:
    """Return how long after its edge a poll is still worth making: half the interval, a minute at most."""
    return min(interval_ms // 2, GRACE_MS_MAX)


def edges_due(last_edge_ms: int | None, now_ms: int, interval_ms: int) -> Due:
    """Return the edge to poll now and when to look again; `last_edge_ms` is the newest edge journaled, None if none.

    The newest edge is due at its instant and, after a restart, within the grace. An edge that was journaled is not
    polled twice, also if the clock stepped back over it by less than an interval. If the journal is further ahead the
    clock was set back: the journaled edges were then other instants, and polling goes on.
    """
    edge_ms = now_ms // interval_ms * interval_ms
    is_journaled = last_edge_ms is not None and edge_ms <= last_edge_ms <= edge_ms + interval_ms
    is_late = now_ms - edge_ms > grace_ms(interval_ms)
    return Due(edge_ms=None if is_journaled or is_late else edge_ms, wake_at=edge_ms + interval_ms)
