"""Receipts that came in a file: the hub's word made durable without a session, and only ever forward.

What a receipt means is decided by `protocol.custody.sender`, as for one that came over the network. A receipt in a file
answers no hello, so nothing in it can take a watermark back, and one that contradicts the log changes nothing here: the
agent settles that with the hub when they next speak.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlite_utils import Database

from edge.journal.epochs import find_current_epoch, find_epoch
from edge.journal.errors import JournalError, translated
from edge.journal.log import ACKNOWLEDGE
from edge.journal.opening import lock_journal
from edge.journal.schema import prepare
from protocol import wire
from protocol.custody.sender import OutcomeKind, RetryPolicy
from protocol.errors import ProtocolError
from protocol.identity import BlockHash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge.journal.epochs import EpochRow
    from protocol.cose import VerifyingKey
    from protocol.custody.sender import Sender
    from protocol.identity import Epoch
    from protocol.messages import Receipt


class Meaning(StrEnum):
    """What became of a receipt.

    FOREIGN: of another device or a log that is not here. STALE: it says less than is known, or comes from another life
    of the hub. REFUSED: the hub takes nothing from this device. CONTRADICTS: the hub holds another history.
    """

    APPLIED = "applied"
    KNOWN = "known"
    STALE = "stale"
    REFUSED = "refused"
    CONTRADICTS = "contradicts"
    FOREIGN = "foreign"
    FORGED = "forged"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a receipt meant. `committed` and `safe` are what is known of its epoch now, -1 where it is not ours."""

    meaning: Meaning
    epoch: Epoch | None = None
    committed: int = -1
    safe: int = -1


def take_receipts(path: Path, receipts: Sequence[bytes], hub_key: VerifyingKey) -> tuple[Taken, ...]:
    """Make durable what sealed receipts say of the epochs in the journal at `path`, and return what each meant.

    Nothing is let go of: the agent does that. Raises JournalError if there is no journal, or an agent is running on it.
    """
    if not path.exists():
        message = f"there is no journal at {path} yet: the agent makes it when it runs for the first time"
        raise JournalError(message)
    with lock_journal(path), translated(f"the journal {path}"):
        db = Database(path, execute_plugins=False)
        try:
            prepare(db)
            return tuple(_take(db, raw, hub_key) for raw in receipts)
        finally:
            db.close()


def _take(db: Database, raw: bytes, hub_key: VerifyingKey) -> Taken:
    try:
        receipt = wire.read_receipt(raw, hub_key)
    except ProtocolError:
        return Taken(Meaning.FORGED)
    row = find_epoch(db, receipt.epoch)
    if row is None or row.device != receipt.device:
        return Taken(Meaning.FOREIGN, receipt.epoch)
    before = _sender(db, row)
    after, outcome = before.received(receipt, lambda seq: _hash_of(db, receipt, seq), now_ms=0)
    meaning = _meaning(before, after, outcome.kind)
    if meaning is Meaning.APPLIED:
        word = {"committed": after.committed, "safe": after.safe, "timeline": after.timeline, "receipt": raw}
        db.execute(ACKNOWLEDGE, {"epoch": receipt.epoch, **word})
        return Taken(meaning, receipt.epoch, after.committed, after.safe)
    return Taken(meaning, receipt.epoch, before.committed, before.safe)


def _sender(db: Database, row: EpochRow) -> Sender:
    """Return the custody state of an epoch, in the life of the hub that the device last believed."""
    current = find_current_epoch(db)
    assert current is not None, "a journal with an epoch has a current one"
    sender = row.sender(RetryPolicy())
    return replace(sender, timeline=current.timeline)


def _hash_of(db: Database, receipt: Receipt, seq: int) -> BlockHash | None:
    row = db.execute("select hash from block where epoch = ? and seq = ?", [receipt.epoch, seq]).fetchone()
    return BlockHash(row[0]) if row else None


def _meaning(before: Sender, after: Sender, kind: OutcomeKind) -> Meaning:
    if kind is OutcomeKind.APPLIED:
        assert after.committed >= before.committed, "without a hello nothing goes back"
        assert after.safe >= before.safe, "without a hello nothing goes back"
        changed = (after.committed, after.safe, after.timeline) != (before.committed, before.safe, before.timeline)
        return Meaning.APPLIED if changed else Meaning.KNOWN
    if kind is OutcomeKind.STALE:
        return Meaning.STALE
    return Meaning.REFUSED if kind is OutcomeKind.REFUSED else Meaning.CONTRADICTS
