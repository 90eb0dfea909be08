"""What a look over the whole fleet came to: how many devices stand where, and how many were heard in an hour."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.fleet.axes import WORDS, Axis, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Came:
    """Blocks that were taken since the look before, and the readings in them."""

    blocks: int = 0
    readings: int = 0

    def __add__(self, other: Came) -> Came:
        """Return both together."""
        return Came(self.blocks + other.blocks, self.readings + other.readings)

    def __sub__(self, other: Came) -> Came:
        """Return what came since there was so much."""
        return Came(self.blocks - other.blocks, self.readings - other.readings)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device whose log the hub has fallen behind with: its last block came at `block_at` (UTC ms; None: none yet)."""

    device: str
    name: str
    backlog: int
    block_at: int | None


@dataclass(frozen=True, slots=True)
class FleetLook:
    """The fleet at `at` (UTC ms), but for devices that are decommissioned.

    `counts` has the devices by their words on each axis, without those at which none stands. Of the devices in service
    `heard` were heard in the hour before. `backlog` counts sealed blocks that the hub lacks, of `behind` devices;
    `longest` is the one of these that has been without a block for longest, None where the hub lacks none.
    """

    at: int
    counts: Mapping[Axis, Mapping[str, int]]
    in_service: int
    heard: int
    backlog: int
    behind: int
    longest: Waiting | None


def hour_of(at: int) -> int:
    """Return when the hour of an instant began; both are UTC ms."""
    return at - at % HOUR_MS


def is_in_hour(heard_at: int | None, at: int) -> bool:
    """Return whether something was heard in the hour before `at`; both are UTC ms, None is never."""
    return heard_at is not None and at - heard_at < HOUR_MS


def count_words(stand: Iterable[tuple[str, ...]]) -> dict[Axis, dict[str, int]]:
    """Return how many stand at each word of each axis, given the words of each in the order of axes."""
    tally: Counter[tuple[Axis, str]] = Counter()
    for words, number in Counter(stand).items():
        for axis, word in zip(Axis, words, strict=True):
            tally[axis, word] += number
    return {axis: {word: tally[axis, word] for word in WORDS[axis] if tally[axis, word]} for axis in Axis}


def by_urgency(counts: Mapping[Axis, Mapping[str, int]], axis: Axis) -> dict[Urgency, tuple[tuple[str, int], ...]]:
    """Return the words of an axis at which devices stand, with how many, under their urgency: the worst first."""
    return {
        urgency: tuple((word, number) for word, number in counts[axis].items() if WORDS[axis][word] is urgency)
        for urgency in Urgency
    }


def longest_of(waiting: Iterable[Waiting]) -> Waiting | None:
    """Return which has been without a block for longest: one that never brought any, before all others."""
    return min(waiting, key=lambda one: (one.block_at is not None, one.block_at or 0, one.device), default=None)
