"""Rules of the edge switched off, one at a time: a year that does not notice would prove nothing.

Each mutant changes the real code while one stretch is lived, and nothing else. `docs/field_simulation.md` says which
invariant notices it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest.mock import patch

from edge.journal import Journal, log
from edge.metering import counter
from edge.metering.outcome import Taken
from edge.polling import Polling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from edge.metering.outcome import PollOutcome

MUTANT_SEED, MUTANT_DAYS, MUTANT_METERS = 13, 14, 3
"""The stretch in which every mutant is noticed, and in which nothing is wrong without one."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is done instead of a rule, and which invariant notices."""

    name: str
    instead: str
    invariant: str
    patch: Callable[[], AbstractContextManager[object]]


@contextmanager
def _ask_at_once() -> Iterator[None]:
    async def mutated(*_: object) -> None:
        """Neither wait for silence nor ask for something else behind a repeated reading."""

    # By name: only the edge itself may import its bus.
    with patch("edge.bus.owner.Bus._be_silent", mutated), patch("edge.poll.MeterPoller._probe", mutated):
        yield


def _never_roll_over() -> AbstractContextManager[object]:
    return patch.object(counter, "_rolled_over", lambda *_: None)


def _drop_failures() -> AbstractContextManager[object]:
    record = Journal.record

    def mutated(self: Journal, edge_at: int, outcomes: Sequence[PollOutcome], *rest: int, is_sparing: bool) -> None:
        taken = [outcome for outcome in outcomes if isinstance(outcome.result, Taken)]
        record(self, edge_at, taken, *rest, is_sparing=is_sparing)

    return patch.object(Journal, "record", mutated)


def _state_no_gap() -> AbstractContextManager[object]:
    return patch.object(log, "missed_polls", lambda *_: ())


def _mark_nothing() -> AbstractContextManager[object]:
    return patch.object(counter, "_STATUS", {})


def _watch_no_clock() -> AbstractContextManager[object]:
    return patch.object(Polling, "_watch_clock", lambda *_: None)


MUTANTS = {
    mutant.name: mutant
    for mutant in (
        Mutant(
            "late-reply",
            "after a time-out the same question is asked at once, and whatever comes is its answer",
            "I4 every hole has its cause",
            _ask_at_once,
        ),
        Mutant(
            "rollover", "a register at its end is taken for reset", "I4 every fault leaves its trace", _never_roll_over
        ),
        Mutant(
            "failed-poll", "a poll without a reading is not recorded", "I1 every poll is in the chain", _drop_failures
        ),
        Mutant("gap", "interval edges without a poll are not stated", "I1 every gap is stated", _state_no_gap),
        Mutant("doubt", "a doubted reading is not marked", "I2 lies are marked", _mark_nothing),
        Mutant("clock", "a step of the clock is not stated", "I4 steps of the clock are stated", _watch_no_clock),
    )
}
