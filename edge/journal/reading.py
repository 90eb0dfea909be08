"""Sealed blocks out of a journal, beside the agent that owns it: what goes into a file for a hub or an auditor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlite_utils import Database

from edge.journal.errors import JournalError, translated
from protocol.evidence import key_changes
from protocol.identity import Epoch, hash_block

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class ExportedEpoch:
    """What of an epoch is in the export: `blocks` of it, from seq `first` to `last`.

    `head` is the newest sealed, `committed` what the hub has (-1 none). `damaged` of its blocks were left out, because
    their bytes here are not those that were sealed.
    """

    epoch: Epoch
    head: int
    committed: int
    blocks: int
    first: int
    last: int
    damaged: int


@dataclass(frozen=True, slots=True)
class Export:
    """Sealed blocks in chain order, epoch after epoch, and how many polls are not sealed yet and so not among them."""

    blocks: tuple[bytes, ...]
    epochs: tuple[ExportedEpoch, ...]
    open_polls: int


def read_export(path: Path, *, everything: bool) -> Export:
    """Return the blocks that the hub has not committed, or every block held, without writing to the journal.

    The blocks that the hub lacks come with those that tell which key sealed them, as far as these are still held: the
    genesis, and where a key handed over. Only the current epoch is looked at, since it seals again whatever the hub
    lacks of earlier ones; `everything` means every epoch. Raises JournalError.
    """
    if not path.exists():
        message = f"there is no journal at {path} yet: the agent makes it when it runs for the first time"
        raise JournalError(message)
    with translated(f"the journal {path}"):
        db = Database(path, execute_plugins=False)
        try:
            db.execute("pragma query_only = on")
            # One snapshot: the agent may seal or let go meanwhile.
            db.execute("begin")
            return _read(db, everything=everything)
        finally:
            db.close()


def _read(db: Database, *, everything: bool) -> Export:
    rows = db.execute("select epoch, head, committed from epoch order by n").fetchall()
    if not rows:
        message = "the journal holds no log yet: the agent is starting, or never got so far"
        raise JournalError(message)
    epochs: list[ExportedEpoch] = []
    blocks: list[bytes] = []
    for epoch, head, committed in rows if everything else rows[-1:]:
        held = db.execute(_HELD, [epoch]).fetchall()
        whole = {seq: raw for seq, block_hash, raw in held if hash_block(raw) == block_hash}
        chosen = list(whole) if everything else _lacking(whole, committed)
        if chosen:
            blocks += [whole[seq] for seq in chosen]
            damaged = sum(everything or seq > committed for seq, _, _ in held if seq not in whole)
            epochs.append(ExportedEpoch(Epoch(epoch), head, committed, len(chosen), chosen[0], chosen[-1], damaged))
    return Export(tuple(blocks), tuple(epochs), int(db.execute("select count(*) from poll").fetchone()[0]))


def _lacking(held: Mapping[int, bytes], committed: int) -> list[int]:
    """Return what the hub lacks, after the blocks that say whose key sealed it."""
    lacking = [seq for seq in held if seq > committed]
    if not lacking:
        return []
    signers = {seq for seq in (0, *key_changes(held.items())) if seq in held and seq <= committed}
    return sorted(signers) + lacking


_HELD = "select seq, hash, raw from block where epoch = ? and raw is not null order by seq"
