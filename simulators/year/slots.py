"""Which record of the chain answers for which poll that was due: the alignment that an auditor makes by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol.records import STATUS_HELD, STATUS_STALE, STATUS_SUSPECT
from simulators.year.chain import Failures, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simulators.year.schedule import DuePoll

BUSY_MS = 180_000
"""How much later than due a poll is made at most: another line is not waited for, but the dead on its own line are."""
_DOUBTS = {STATUS_SUSPECT: "suspect", STATUS_HELD: "held", STATUS_STALE: "stale"}


@dataclass(slots=True)
class Slot:
    """What the chain has for a poll that was due: readings, at most two of them, or the causes why there is none.

    Failures of a run are counted, not listed: `causes` are those that this poll can have had.
    """

    due: DuePoll
    readings: list[Reading] = field(default_factory=list)
    causes: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """Whether the chain says nothing of it."""
        return not self.readings and not self.causes

    @property
    def good(self) -> Reading | None:
        """The reading that can be counted with."""
        return next((reading for reading in self.readings if is_good(reading)), None)

    @property
    def reasons(self) -> set[str]:
        """Why there is no good reading: causes of failures, and what a reading is marked as; empty if there is one."""
        if self.good is not None:
            return set()
        return self.causes | {name for reading in self.readings for name in doubts_of(reading)}


def is_good(reading: Reading) -> bool:
    """Tell whether a reading can be counted with."""
    return not doubts_of(reading)


def doubts_of(reading: Reading) -> list[str]:
    """Return what a reading is marked as, in words."""
    return [name for bit, name in _DOUBTS.items() if reading.status & bit]


def align(polls: Iterable[Reading | Failures], due: Sequence[DuePoll]) -> tuple[list[Slot], list[Reading | Failures]]:
    """Return a slot for each poll that was due, and the records that answer for none."""
    slots = [Slot(poll) for poll in due]
    strays: list[Reading | Failures] = []
    place = 0
    for poll in polls:
        first_ms, last_ms, left = _span(poll)
        if place and _asks_again(slots[place - 1]) and _fits(slots[place - 1], first_ms, last_ms):
            _put(slots[place - 1], poll)
            left -= 1
        while left:
            found = _find(slots, place, first_ms, last_ms)
            if found is None:
                strays.append(poll)
                break
            place = found + 1
            _put(slots[found], poll)
            left -= 1
    return slots, strays


def _span(poll: Reading | Failures) -> tuple[int, int, int]:
    """Return the earliest and the latest wall clock of a record, UTC ms, and how many polls it is."""
    if isinstance(poll, Reading):
        return poll.read_at, poll.read_at, 1
    return poll.from_at, poll.to_at, poll.total


def _asks_again(slot: Slot) -> bool:
    """Return whether a meter was read once more: its reading was doubted."""
    return len(slot.readings) == 1 and not slot.causes and "suspect" in doubts_of(slot.readings[0])


def _find(slots: Sequence[Slot], place: int, first_ms: int, last_ms: int) -> int | None:
    return next((number for number in range(place, len(slots)) if _fits(slots[number], first_ms, last_ms)), None)


def _fits(slot: Slot, first_ms: int, last_ms: int) -> bool:
    """Return whether a poll was due so that it can have been made in this span, both ends included."""
    return first_ms - BUSY_MS <= slot.due.wall_ms <= last_ms


def _put(slot: Slot, poll: Reading | Failures) -> None:
    if isinstance(poll, Reading):
        slot.readings.append(poll)
    else:
        slot.causes |= set(poll.counts)
