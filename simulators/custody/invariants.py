"""What must hold, whatever breaks: the specification of custody, which the rest of this package tries to break.

A *fact* is a reading, a gap statement or a count of failed polls. A fact is *destroyed* when the storage that held it
is physically lost while no other storage holds it; letting go of a fact on somebody's word destroys nothing.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from simulators.custody.facts import ReadingFact

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from collections.abc import Set as AbstractSet

    from protocol.identity import Epoch
    from protocol.messages import Receipt
    from simulators.custody.facts import Fact, ReadingKey


class Harm(StrEnum):
    """What a broken invariant does to readings."""

    LOST = "lost"
    DOUBLED = "doubled"
    STUCK = "stuck"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Breach:
    """An invariant that did not hold: which, how in one sentence, and how many readings it harmed in what way."""

    invariant: str
    sentence: str
    harm: Harm
    readings: int


class BreachError(Exception):
    """An invariant did not hold."""

    def __init__(self, breach: Breach) -> None:
        super().__init__(breach.sentence)
        self.breach = breach


def fallen_over(fault: Exception) -> Breach:
    """I0: no program of ours falls over, whatever it is told and wherever it was cut off."""
    frames = traceback.extract_tb(fault.__traceback__)
    ours = [frame for frame in frames if "simulators" not in frame.filename] or frames
    where = f"{Path(ours[-1].filename).name} line {ours[-1].lineno}"
    return Breach("I0 nothing falls over", f"{type(fault).__name__} in {where}: {fault}", Harm.STUCK, 1)


# I1: every reading arrives, once, as it was read.


def every_fact_arrives(stated: AbstractSet[Fact], held_by_hub: AbstractSet[Fact], destroyed: AbstractSet[Fact]) -> None:
    """I1: a fact that a device committed is in the hub in the end, or was destroyed; no gap statement excuses it."""
    lost = stated - held_by_hub - destroyed
    _demand(
        not lost, "I1 every fact arrives", Harm.LOST, lost, "committed by a device, never destroyed, not in the hub"
    )


def the_hub_holds_only_what_was_read(arrived: Collection[ReadingFact], taken: Mapping[ReadingKey, int]) -> None:
    """I1: each reading that the hub accepts was taken by a device, at this instant, with this value."""
    made_up = [fact for fact in arrived if taken.get(fact.key) != fact.raw]
    _demand(not made_up, "I1 only what was read", Harm.DOUBLED, made_up, "in the hub, and no device ever took them so")


def nothing_is_counted_twice(rows: Collection[Fact]) -> None:
    """I1: no fact stands twice in the hub, however often it was sent or sealed again."""
    doubled = len(rows) - len(set(rows))
    _demand(not doubled, "I1 nothing twice", Harm.DOUBLED, range(doubled), "counted more than once in the hub")


# I2, I3: what the two sides may tell each other, and act upon.


class Watermark(NamedTuple):
    """Through where a database holds the blocks of an epoch, and the hash of the last of them."""

    committed: int
    hash: bytes


def no_receipt_precedes_its_commit(receipt: Receipt, durable: Watermark | None) -> None:
    """I2: what a receipt calls committed or safe is durable in the hub's database before the receipt leaves."""
    committed, known_hash = (-1, b"") if durable is None else durable
    true = receipt.committed < committed or (
        receipt.committed == committed and (committed < 0 or known_hash.startswith(receipt.committed_hash))
    )
    _demand(
        true and receipt.safe <= receipt.committed,
        "I2 no receipt precedes its commit",
        Harm.WRONG,
        range(1),
        f"at least promised too early: a receipt says {receipt.committed}, the database holds blocks to {committed}",
    )


def only_what_is_backed_up_is_released(released: AbstractSet[Fact], backup: AbstractSet[Fact]) -> None:
    """I3: a device lets go of a block's bytes only when the hub's last verified backup holds all they say."""
    naked = released - backup
    _demand(
        not naked, "I3 released only if backed up", Harm.LOST, naked, "released by a device, not in the last backup"
    )


def nothing_vanishes_by_licence(gone: AbstractSet[Fact], destroyed: AbstractSet[Fact]) -> None:
    """I3: what a hub's database takes with it when it is lost is still at a device, unless it was destroyed there."""
    lost = gone - destroyed
    _demand(
        not lost, "I3 nothing vanishes by licence", Harm.LOST, lost, "gone with the hub's database, released before"
    )


def committed_falls_only_after_a_restore(falls: int, restores: int) -> None:
    """R3: the device's watermark goes down only because the hub was restored, once for each restore at most."""
    _demand(
        falls <= restores,
        "R3 committed falls only after a restore",
        Harm.WRONG,
        range(falls - restores),
        f"sent again without cause at least: a device went back {falls} times for {restores} restores of the hub",
    )


# I4, I5: what the hub keeps.


def accepted_facts_never_change(changed: Collection[str]) -> None:
    """I4: no accepted reading is ever updated or deleted."""
    _demand(
        not changed, "I4 accepted facts never change", Harm.WRONG, changed, "changed after the hub had accepted them"
    )


def the_hub_follows_from_its_blocks(derived: AbstractSet[Fact], stored: AbstractSet[Fact]) -> None:
    """I5: all that the hub shows can be derived again, bit for bit, from the blocks that it holds."""
    _demand(
        derived == stored,
        "I5 derivable again",
        Harm.WRONG,
        derived ^ stored,
        "different when derived again from the hub's blocks",
    )


def each_epoch_is_one_chain(broken: Collection[tuple[Epoch, int]]) -> None:
    """I5: intact neighbours in the hub's blocks of an epoch were sealed one on the other: no log is mixed of two."""
    where = ", ".join(f"block {seq} of epoch {epoch.hex()}" for epoch, seq in sorted(broken))
    _demand(not broken, "I5 one chain", Harm.WRONG, broken, f"at least in blocks held after another one than: {where}")


# I6: what is owed arrives in bounded time.


def the_backlog_is_gone(backlog: Mapping[str, int], waiting: AbstractSet[Fact]) -> None:
    """I6: once faults stop, every device has settled with the hub within the time that the plan grants."""
    behind = {name: blocks for name, blocks in backlog.items() if blocks}
    stuck = waiting or behind
    _demand(not stuck, "I6 the backlog drains", Harm.STUCK, stuck, f"still not in the hub (blocks behind: {behind})")


def _demand(holds: bool, invariant: str, harm: Harm, found: Collection[object], what: str) -> None:  # noqa: FBT001
    """Raise BreachError unless `holds`; only readings are counted where facts of several kinds were found."""
    if holds:
        return
    readings = sum(isinstance(one, ReadingFact) for one in found) or len(found)
    raise BreachError(Breach(invariant, f"{readings} readings {what}", harm, readings))
