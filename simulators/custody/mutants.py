"""The rules of custody switched off, one at a time: a simulation that does not notice would prove nothing.

Each mutant changes the real code while one world runs, and nothing else. `docs/custody_simulation.md` says which
invariant notices it, and in which seed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from unittest.mock import patch

from edge.custody import Desk
from edge.journal import epochs
from protocol.chain import Verdict
from protocol.custody import receiver
from protocol.custody.receiver import Decision, DecisionKind
from protocol.custody.sender import Sender
from protocol.topics import Channel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlite_utils import Database

    from edge.custody import Moment, Outgoing
    from edge.journal.epochs import EpochRow
    from protocol.chain import Judgement
    from protocol.custody.receiver import Stored, Stream
    from protocol.identity import BlockHash
    from protocol.messages import Receipt
    from simulators.custody.hub import SimulatedHub

P = ParamSpec("P")
R = TypeVar("R")
Patch = Callable[["SimulatedHub"], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is done instead of a rule, and what notices: `invariant`, within `seeds_max` seeds from 0 on.

    `known_seed` is one in which it did; the documentation has the same.
    """

    name: str
    instead: str
    invariant: str
    known_seed: int
    seeds_max: int
    patch: Patch


def _within(function: Callable[P, R], scope: Callable[[], AbstractContextManager[None]]) -> Callable[P, R]:
    @wraps(function)
    def mutated(*arguments: P.args, **named: P.kwargs) -> R:
        with scope():
            return function(*arguments, **named)

    return mutated


@contextmanager
def _committed_for_safe() -> Iterator[None]:
    """Let the journal take what is committed for safe."""
    read_epochs = epochs.read_epochs

    def mutated(db: Database) -> tuple[EpochRow, ...]:
        return tuple(replace(row, safe=row.committed) for row in read_epochs(db))

    with patch.object(epochs, "read_epochs", mutated):
        yield


def _release_committed(_hub: SimulatedHub) -> AbstractContextManager[object]:
    return patch.object(epochs, "release_blocks", _within(epochs.release_blocks, _committed_for_safe))


def _seal_again_above_committed(_hub: SimulatedHub) -> AbstractContextManager[object]:
    return patch.object(epochs, "begin_epoch", _within(epochs.begin_epoch, _committed_for_safe))


def _merge_selective(_hub: SimulatedHub) -> AbstractContextManager[object]:
    received = Sender.received

    def mutated(
        self: Sender, receipt: Receipt, hash_of: Callable[[int], BlockHash | None], now_ms: int
    ) -> tuple[Sender, object]:
        named = [seq for first, last in (*receipt.selective, *self.selective) for seq in range(first, last + 1)]
        seqs = sorted({seq for seq in named if seq > receipt.committed})
        return received(self, replace(receipt, selective=receiver.selective_ranges(seqs)), hash_of, now_ms)

    return patch.object(Sender, "received", mutated)


def _believe_any_receipt(_hub: SimulatedHub) -> AbstractContextManager[object]:
    return patch.object(Sender, "_is_stale", lambda _self, _receipt, **_answers: False)


def _refuse_bad_blocks(_hub: SimulatedHub) -> AbstractContextManager[object]:
    decide = receiver.decide

    def mutated(stream: Stream, arrival: Judgement, *slots: Stored | None) -> Decision:
        if arrival.verdict is not Verdict.OK:
            return Decision(DecisionKind.REJECT, "its verdict is bad")
        return decide(stream, arrival, *slots)

    return patch.object(receiver, "decide", mutated)


def _release_on_puback(_hub: SimulatedHub) -> AbstractContextManager[object]:
    speak = Desk.speak

    def mutated(self: Desk, moment: Moment) -> list[Outgoing]:
        said = speak(self, moment)
        for message in said:
            if message.channel is Channel.BLOCK:
                self._journal.db.execute("update block set raw = null where raw = ?", [message.raw])
        return said

    return patch.object(Desk, "speak", mutated)


def _receipt_before_commit(hub: SimulatedHub) -> AbstractContextManager[object]:
    make_receipt = receiver.make_receipt

    def announced(function: Callable[P, Receipt]) -> Callable[P, Receipt]:
        @wraps(function)
        def mutated(*arguments: P.args, **named: P.kwargs) -> Receipt:
            receipt = function(*arguments, **named)
            hub.publish(receipt)
            return receipt

        return mutated

    return patch.object(receiver, "make_receipt", announced(make_receipt))


RELEASED = "I3 released only if backed up"
MUTANTS = {
    mutant.name: mutant
    for mutant in (
        Mutant("R1", "a device releases what is committed", RELEASED, 0, 4, _release_committed),
        Mutant("R2", "selective ranges are merged, not replaced", "I6 the backlog drains", 8, 40, _merge_selective),
        Mutant(
            "R3",
            "a receipt that says less is believed without our nonce",
            "R3 committed falls only after a restore",
            1,
            10,
            _believe_any_receipt,
        ),
        Mutant(
            "R4", "a new epoch seals again only what is above committed", RELEASED, 5, 40, _seal_again_above_committed
        ),
        Mutant("R5", "a block with a bad verdict is refused", "I6 the backlog drains", 0, 20, _refuse_bad_blocks),
        Mutant("prune-on-puback", "a device releases what the broker acknowledged", RELEASED, 0, 4, _release_on_puback),
        Mutant(
            "receipt-before-commit",
            "a receipt leaves before its commit",
            "I2 no receipt precedes its commit",
            0,
            4,
            _receipt_before_commit,
        ),
    )
}
