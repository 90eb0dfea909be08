"""When a poll was due: reckoned from when the agent ran and how its wall clock stood, not from what the agent did."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from simulators.year.plan import INTERVAL_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from simulators.year.machine import AgentRun

GRACE_MS = INTERVAL_MS // 2
"""How long after its interval edge a poll is still made."""
LOOK_MS = 31_000
"""How soon the agent notices that its wall clock was set."""


@dataclass(frozen=True, slots=True)
class DuePoll:
    """A poll of every meter: its interval edge and its instant by the wall clock, and the instant truly, all UTC ms.

    `is_certain` is False where it depends on when within half a minute the agent looked at its clock.
    """

    edge_at: int
    wall_ms: int
    true_ms: int
    is_certain: bool = True

    def edge_by(self, later: DuePoll) -> int:
        """Return the interval edge at which this poll was due, by the clock as it stood at a later one, UTC ms."""
        step_ms = (later.wall_ms - later.true_ms) - (self.wall_ms - self.true_ms)
        return (self.edge_at + step_ms) // INTERVAL_MS * INTERVAL_MS


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A time in which the agent ran and nobody set its clock, true UTC ms; `is_set`: it began by a setting."""

    from_ms: int
    until_ms: int
    ahead_ms: int
    is_set: bool


def due_polls(runs: Sequence[AgentRun], settings: Sequence[int], ahead_ms: Callable[[int], int]) -> list[DuePoll]:
    """Return the polls that were due while the agent ran, in order; its clock was set at `settings` (UTC ms)."""
    polls: list[DuePoll] = []
    for stretch in _stretches(runs, settings, ahead_ms):
        last_edge = polls[-1].edge_at if polls else None
        for poll in _polls_in(stretch):
            if poll.edge_at != last_edge:
                polls.append(poll)
            last_edge = poll.edge_at
    return polls


def _stretches(runs: Iterable[AgentRun], settings: Sequence[int], ahead_ms: Callable[[int], int]) -> Iterator[_Stretch]:
    for run in runs:
        inner = [at_ms for at_ms in settings if run.from_ms < at_ms < run.until_ms]
        for from_ms, until_ms in pairwise([run.from_ms, *inner, run.until_ms]):
            yield _Stretch(from_ms, until_ms, ahead_ms(from_ms), is_set=from_ms in inner)


def _polls_in(stretch: _Stretch) -> Iterator[DuePoll]:
    ahead_ms, wall_ms = stretch.ahead_ms, stretch.from_ms + stretch.ahead_ms
    edge_at = wall_ms // INTERVAL_MS * INTERVAL_MS
    late_ms = wall_ms - edge_at
    if late_ms < GRACE_MS:
        is_certain = not stretch.is_set or late_ms + LOOK_MS < GRACE_MS
        yield DuePoll(edge_at, wall_ms, stretch.from_ms, is_certain)
    for following in range(edge_at + INTERVAL_MS, stretch.until_ms + ahead_ms, INTERVAL_MS):
        yield DuePoll(following, following, following - ahead_ms)
