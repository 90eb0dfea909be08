"""Which reading of a device reports a month, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.instants import format_instant
from hub.rules.production import EDGE_HALF_WIDTH_MS, is_verified, may_count, nearest_to, stands_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.periods import ProductionMonth
    from hub.rules.production import Reading

LAST_CALL_MS = 6 * 3_600_000
"""So long before its window closes a month is reported by the best reading there is: nothing better may come."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The reading that reports a month (None: none does yet), and why in one sentence."""

    reading: Reading | None
    why: str


def deciding_span(month: ProductionMonth, opens_at: int, closes_at: int, *, now: int) -> tuple[int, int]:
    """Return between which instants (UTC ms, both included) readings decide what `choose_report` says at `now`.

    Those outside of it change nothing: of a meter without any inside, it says the same as without any reading.
    """
    since, until = month.ends_at - EDGE_HALF_WIDTH_MS, month.ends_at + EDGE_HALF_WIDTH_MS
    if now < closes_at - LAST_CALL_MS:
        return since, until
    return min(since, opens_at), max(until, closes_at - 1)


def choose_report(
    month: ProductionMonth, opens_at: int, closes_at: int, readings: Sequence[Reading], *, now: int
) -> Choice:
    """Return which of a meter's readings in custody, in order of time, reports the month to a window (UTC ms) at `now`.

    The register at the month's end does, as soon as it is in custody. Where it is not there `LAST_CALL_MS` before the
    window closes, the latest good reading taken in the window does. After that nothing does: the window is closed.
    Citation: `citations.AUTOMATED_REPORTING`.
    """
    if now >= closes_at:
        return Choice(None, f"The window for {month} closed at {format_instant(closes_at)}.")
    good = [reading for reading in readings if may_count(reading) and is_verified(reading)]
    at_edge = nearest_to(good, month.ends_at)
    if at_edge is not None and stands_at(at_edge, month.ends_at):
        return Choice(at_edge, "The register at the month's end.")
    if now < month.ends_at:
        return Choice(None, f"{month} has not ended.")
    if now < closes_at - LAST_CALL_MS:
        return Choice(None, "The reading of the month's end is not in custody yet.")
    within = [reading for reading in good if opens_at <= reading.read_at < closes_at]
    if within:
        return Choice(within[-1], "The latest good reading in the window; that of the month's end is not in custody.")
    return Choice(None, _describe_absence(readings, opens_at, closes_at))


def _describe_absence(readings: Sequence[Reading], opens_at: int, closes_at: int) -> str:
    """Say why no reading in the window reports the month."""
    within = [reading for reading in readings if opens_at <= reading.read_at < closes_at]
    if not within:
        return "No reading of the window is in custody: see whether the device is heard and the meter answers."
    if any(may_count(reading) for reading in within):
        return "Nobody vouched for the clock of the readings in the window: see whether the device finds the time."
    return "The device doubts every reading of the window: see what happened to the meter."
