"""The lives of a log: beginning a new one when the old one cannot go on, and letting go of what is safe in each.

R4: a new epoch seals again everything above the `safe` mark of the one before it. The old one is archived: its blocks
stay until the hub holds safely what was in them, here or there, and are handed out on demand until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.journal.chain_end import Author, Boot, append_block
from edge.journal.open_records import add_statement
from edge.journal.resealing import Missing, Resealing, gap_frames
from protocol.custody.sender import RetryPolicy, Sender
from protocol.identity import EPOCH_LENGTH, NO_BLOCK, BlockHash, DeviceId, Epoch
from protocol.messages import Genesis, GenesisReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlite_utils import Database

    from protocol.messages import Instant


@dataclass(frozen=True, slots=True)
class EpochRow:
    """What the journal remembers of an epoch, besides its blocks; see schema.sql."""

    epoch: Epoch
    device: DeviceId
    head: int
    floor: int
    resealed: int
    committed: int
    safe: int
    timeline: bytes
    licence: bytes | None

    def sender(self, policy: RetryPolicy) -> Sender:
        """Return the custody state as it was last made durable."""
        return Sender.resume(
            self.device,
            self.epoch,
            head=self.head,
            committed=self.committed,
            safe=self.safe,
            floor=self.floor,
            timeline=self.timeline,
            policy=policy,
        )


def read_epochs(db: Database) -> tuple[EpochRow, ...]:
    """Return all epochs, the current one first."""
    return tuple(_row(found) for found in db.execute(f"{_SELECT_EPOCH} order by n desc").fetchall())


def find_epoch(db: Database, epoch: Epoch) -> EpochRow | None:
    """Return an epoch of this log, None if it is not one."""
    found = db.execute(f"{_SELECT_EPOCH} where epoch = ?", [epoch]).fetchone()
    return _row(found) if found else None


def find_current_epoch(db: Database) -> EpochRow | None:
    """Return the newest epoch, None in a journal that holds no log yet."""
    found = db.execute(f"{_SELECT_EPOCH} order by n desc limit 1").fetchone()
    return _row(found) if found else None


def _row(found: tuple[bytes, bytes, int, int, int, int, int, bytes, bytes | None]) -> EpochRow:
    epoch, device, head, floor, resealed, committed, safe, timeline, licence = found
    return EpochRow(Epoch(epoch), DeviceId(device), head, floor, resealed, committed, safe, timeline, licence)


def begin_epoch(  # noqa: PLR0913 - whose log, why, and the circumstances
    db: Database,
    author: Author,
    boot: Boot,
    *,
    reason: GenesisReason,
    now: Instant,
    draw: Callable[[int], bytes],
    hub_holds: int | None = None,
    older: Sequence[tuple[Epoch, range]] = (),
) -> Epoch:
    """Begin a new epoch in one transaction: its genesis, then everything above `safe` of the one before, sealed again.

    `draw(n)` gives n random bytes. `hub_holds` is the last block that a hub has kept which lost some that it had
    declared safe: then everything above it that is held is sealed again, and what is held of older epochs. `older` are
    blocks of older epochs to be sealed again in any case. What is missing of the epoch before is stated as gaps.
    """
    with db.atomic():
        epochs = read_epochs(db)
        before = epochs[0] if epochs else None
        epoch = Epoch(draw(EPOCH_LENGTH))
        db.execute(
            "insert into epoch (epoch, device, started_at, head, head_hash, next_record, floor, resealed, committed,"
            " safe, timeline) values (?, ?, ?, -1, ?, 0, 0, -1, -1, -1, ?)",
            [epoch, author.device, now.wall_ms, NO_BLOCK, before.timeline if before else b""],
        )
        through = -1 if before is None else before.safe if hub_holds is None else hub_holds
        genesis = Genesis(
            reason=reason,
            signing_key_spki=author.key.spki,
            agent_version=author.agent_version,
            predecessor=_predecessor(db, before, through) if before else None,
            predecessor_receipt=before.licence if before else None,
            key_history=author.key_history,
        )
        append_block(db, author, epoch, [genesis], boot=boot, now=now)
        if before is not None:
            resealing = Resealing(db, author, epoch, now)
            for source, seqs in older:
                resealing.seal_again(source, seqs)
            for archived in () if hub_holds is None else reversed(epochs[1:]):
                resealing.seal_again(archived.epoch, range(archived.floor, archived.safe + 1))
            missing = resealing.seal_again(before.epoch, range(through + 1, before.head + 1))
            db.execute("update epoch set resealed = ? where epoch = ?", [resealing.last_seq, epoch])
            _state_missing(db, boot, missing)
    return epoch


def _predecessor(db: Database, before: EpochRow, through: int) -> tuple[Epoch, int, BlockHash] | None:
    """Return the predecessor and the last block of it that both sides hold (-1 none); None if its hash is unknown."""
    if through < 0:
        return before.epoch, -1, NO_BLOCK
    found = db.execute("select hash from block where epoch = ? and seq = ?", [before.epoch, through]).fetchone()
    return (before.epoch, through, BlockHash(found[0])) if found else None


def _state_missing(db: Database, boot: Boot, missing: Iterable[Missing]) -> None:
    meters = [meter for (meter,) in db.execute("select meter from meter order by meter").fetchall()]
    for gap in gap_frames(meters, tuple(missing)):
        add_statement(db, boot.count, gap)


def release_blocks(db: Database, now: Instant, retention_ms: int) -> int:
    """Forget the bytes, never the hash, of blocks that are safe at the hub and older than the retention (rule R1).

    Return how many. The newest block always stays. Blocks above `safe` of an archived epoch go once everything that the
    next epoch sealed again is safe in its turn.
    """
    sealed_before = now.wall_ms - retention_ms
    released, is_covered, is_current = 0, False, True
    for row in read_epochs(db):
        through = min(row.safe, row.head - 1) if is_current else row.head if is_covered else row.safe
        released += _release_through(db, row, through, sealed_before)
        is_covered = row.safe >= row.resealed or is_covered
        is_current = False
    return released


def _release_through(db: Database, row: EpochRow, through: int, sealed_before: int) -> int:
    if through < row.floor:
        return 0
    young = db.execute(
        "select seq from block where epoch = ? and seq between ? and ? and sealed_at >= ? order by seq limit 1",
        [row.epoch, row.floor, through, sealed_before],
    ).fetchone()
    last = through if young is None else young[0] - 1
    if last < row.floor:
        return 0
    with db.atomic():
        cursor = db.execute(
            "update block set raw = null where epoch = ? and seq between ? and ? and raw is not null",
            [row.epoch, row.floor, last],
        )
        db.execute("update epoch set floor = ? where epoch = ?", [last + 1, row.epoch])
    return int(cursor.rowcount)


_SELECT_EPOCH = "select epoch, device, head, floor, resealed, committed, safe, timeline, licence from epoch"
