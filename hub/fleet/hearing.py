"""How a device is heard: by its own word of coming and going, and by how often it says that it brings a block."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CADENCE_NUMBER = "seal_seconds"
"""Under this name a device says, among its numbers, how often it seals a block."""
CADENCE_SECONDS_MAX = 7 * 86_400
LATE_SLACK_MS = 5 * 60_000
"""How long a block may be on its way."""
_LATE_CADENCES = 2
_SILENT_CADENCES = 6


class Link(StrEnum):
    """How the hub stands with a device."""

    ONLINE = "online"
    LATE = "late"
    OFFLINE = "offline"
    SILENT = "silent"
    NEVER_SEEN = "never seen"


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard of a device, in UTC ms: whether it said that it is there, and when that last changed.

    `heard_at` is when anything signed by it last came, `block_at` when a block did. `cadence_ms` is how often it seals
    one by its own word, None where it did not say. `silent_ms` is how long none may be heard at least.
    """

    is_there: bool
    changed_at: int | None
    heard_at: int | None
    block_at: int | None
    cadence_ms: int | None
    silent_ms: int


def read_cadence(numbers: Mapping[str, int]) -> int | None:
    """Return how often a device seals a block (ms) by its own numbers; None where it says nothing that can be."""
    seconds = numbers.get(CADENCE_NUMBER)
    return seconds * 1000 if seconds is not None and 0 < seconds <= CADENCE_SECONDS_MAX else None


def silent_after_ms(cadence_ms: int | None, least_ms: int) -> int:
    """Return for how long a device may be unheard: `least_ms`, and six times as long as it takes for a block."""
    return least_ms if cadence_ms is None else max(least_ms, _SILENT_CADENCES * cadence_ms)


def late_after_ms(cadence_ms: int) -> int:
    """Return after which time without a block one is overdue: one may fail to come, and five minutes of way."""
    return _LATE_CADENCES * cadence_ms + LATE_SLACK_MS


def judge_link(of: Hearing, at: int) -> tuple[Link, int | None]:
    """Return how a device is heard at `at` (UTC ms), and since when as far as that is known.

    A device that says it is there can be silent, for a broker may lose its last word; or late, when it speaks and
    brings no block.
    """
    if of.heard_at is None:
        return Link.NEVER_SEEN, of.changed_at
    if not of.is_there:
        return Link.OFFLINE, of.changed_at
    silent_at = of.heard_at + silent_after_ms(of.cadence_ms, of.silent_ms)
    if at > silent_at:
        return Link.SILENT, silent_at
    if of.cadence_ms is not None:
        # One that came back, or never brought any, has the time of one block to bring it.
        since_back = (of.changed_at or of.heard_at) + of.cadence_ms + LATE_SLACK_MS
        late_at = max(since_back, (of.block_at or 0) + late_after_ms(of.cadence_ms))
        if at > late_at:
            return Link.LATE, late_at
    return Link.ONLINE, of.changed_at
