"""One meter's readings over time: where none is for longer than usual, and whether the log says why."""

from __future__ import annotations

from array import array
from itertools import pairwise
from statistics import median_low
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

READINGS_MIN = 4
"""Fewer readings have no usual step."""
STEPS_AROUND = 10
"""How many steps on either side say what is usual: an interval that was changed on purpose soon becomes usual."""


class Hole(NamedTuple):
    """No reading between two instants (UTC ms), where one every `usual_ms` is usual.

    Nothing accounts for a part of it as long as `unexplained_ms`.
    """

    from_at: int
    to_at: int
    usual_ms: int
    unexplained_ms: int


class Times:
    """When a meter was read, and which stretches of time the log accounts for."""

    def __init__(self) -> None:
        self._read_at = array("q")
        self._last_at: int | None = None
        self._explained: list[tuple[int, int]] = []
        self._is_broken = False

    def read(self, at_ms: int) -> None:
        """Take the instant of a reading whose clock somebody vouched for."""
        if self._is_broken and self._last_at is not None:
            self.explain(self._last_at, at_ms)
        self._is_broken = False
        self._last_at = at_ms
        self._read_at.append(at_ms)

    def break_off(self) -> None:
        """Take note that what lies before the next reading is not known, rather than missing."""
        self._is_broken = True

    def explain(self, from_at: int, to_at: int) -> None:
        """Take a stretch of time that the log accounts for."""
        self._explained.append((from_at, to_at))

    def holes(self) -> Iterator[Hole]:
        """Yield every step longer than one and a half times the median of the steps around it, in order of time."""
        times = sorted(set(self._read_at))
        if len(times) < READINGS_MIN:
            return
        steps = [later - earlier for earlier, later in pairwise(times)]
        least = min(steps)
        explained, place = sorted(self._explained), 0
        for number, step in enumerate(steps):
            if not is_long(step, least):
                continue
            usual = median_low(steps[max(0, number - STEPS_AROUND) : number + STEPS_AROUND + 1])
            if not is_long(step, usual):
                continue
            earlier, later = times[number], times[number + 1]
            while place < len(explained) and explained[place][1] < earlier:
                place += 1
            yield Hole(earlier, later, usual, _longest_open(earlier, later, explained, place))


def is_long(open_ms: int, usual_ms: int) -> bool:
    """Return whether a stretch without a reading is longer than one and a half times the usual step."""
    return 2 * open_ms > 3 * usual_ms


def _longest_open(from_at: int, to_at: int, explained: list[tuple[int, int]], place: int) -> int:
    """Return the longest part of a hole that none of the stretches from `place` on, sorted, covers."""
    longest, reached = 0, from_at
    while place < len(explained) and explained[place][0] <= to_at:
        longest = max(longest, explained[place][0] - reached)
        reached = max(reached, explained[place][1])
        place += 1
    return max(longest, to_at - reached)
