"""Sealing again in a new epoch what an earlier one holds: the same records under the same boots, block by block.

Left out are the frames that speak of their own epoch: its genesis, the key events, which the new genesis has in its key
history, and descriptors that the new epoch has stated already. What cannot be sealed again because its bytes are gone
or are not what was signed is stated as a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from edge.journal.chain_end import Author, Boot, append_block
from edge.journal.descriptors import mark_stated, with_descriptors
from protocol import wire
from protocol.errors import ProtocolError, TooLargeError
from protocol.identity import hash_block
from protocol.messages import FLAG_RESEALED, Gap, GapCause, Genesis, KeyEvent, Readings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlite_utils import Database

    from protocol.identity import Epoch
    from protocol.messages import Frame, Instant


@dataclass(frozen=True, slots=True)
class Missing:
    """Polls in [from_at, to_at) (UTC ms) that cannot be sealed again, and why."""

    from_at: int
    to_at: int
    cause: GapCause


class _Row(NamedTuple):
    """A block as stored: its bytes, or why they are missing and when its polls were, as far as that is known."""

    raw: bytes | None
    cause: GapCause
    first_at: int | None
    last_at: int | None


@dataclass(slots=True)
class Resealing:
    """Writes into `epoch`. `last_seq` is the last block it sealed there, -1 before any."""

    db: Database
    author: Author
    epoch: Epoch
    now: Instant
    last_seq: int = -1

    def seal_again(self, source: Epoch, seqs: range) -> tuple[Missing, ...]:
        """Seal again the blocks `seqs` of `source`, one at a time in memory; return which polls are missing."""
        missing: list[Missing] = []
        is_run = False
        for seq in seqs:
            row = self._read(source, seq)
            if row.raw is not None and self._carry(row.raw):
                is_run = False
            elif row.first_at is not None and row.last_at is not None:
                span = Missing(row.first_at, max(row.first_at, row.last_at) + 1, row.cause)
                if is_run and missing[-1].cause is span.cause:
                    before = missing.pop()
                    span = Missing(min(before.from_at, span.from_at), max(before.to_at, span.to_at), span.cause)
                missing.append(span)
                is_run = True
        return tuple(missing)

    def _read(self, source: Epoch, seq: int) -> _Row:
        found = self.db.execute(
            "select hash, first_at, last_at, raw from block where epoch = ? and seq = ?", [source, seq]
        ).fetchone()
        if found is None:
            # Between the blocks that there are: when they were sealed, and whatever came before now.
            first_at, last_at = self.db.execute(_NEIGHBOURS, {"epoch": source, "seq": seq}).fetchone()
            return _Row(None, GapCause.DAMAGED, first_at, self.now.wall_ms if last_at is None else last_at)
        block_hash, first_at, last_at, raw = found
        if raw is None:
            return _Row(None, GapCause.PRUNED, first_at, last_at)
        is_whole = hash_block(raw) == block_hash
        return _Row(bytes(raw) if is_whole else None, GapCause.DAMAGED, first_at, last_at)

    def _carry(self, raw: bytes) -> bool:
        """Seal again what a block says; return whether it can be read: one of a newer agent's perhaps cannot."""
        try:
            block, _ = wire.read_block(raw)
        except ProtocolError:
            return False
        frames = [frame for frame in block.frames if not isinstance(frame, Genesis | KeyEvent)]
        self._append(Boot(block.boot_count, block.boot_id), with_descriptors(self.db, self.epoch, frames), block.flags)
        return True

    def append(self, boot: Boot, frames: Sequence[Frame]) -> None:
        """Seal frames of earlier boots, and the descriptors that the epoch lacks for them."""
        self._append(boot, with_descriptors(self.db, self.epoch, frames), 0)

    def _append(self, boot: Boot, frames: Sequence[Frame], flags: int) -> None:
        """Seal `frames` as one block, or as several where descriptors made them too large for one."""
        if not frames:
            return
        try:
            self.last_seq = append_block(
                self.db, self.author, self.epoch, frames, boot=boot, now=self.now, flags=flags | FLAG_RESEALED
            )
        except TooLargeError:
            first, second = _halve(frames)
            self._append(boot, first, flags)
            self._append(boot, second, flags)
        else:
            mark_stated(self.db, self.epoch, frames)


def _halve(frames: Sequence[Frame]) -> tuple[Sequence[Frame], Sequence[Frame]]:
    if len(frames) > 1:
        middle = len(frames) // 2
        return frames[:middle], frames[middle:]
    frame = frames[0]
    assert isinstance(frame, Readings), "no other frame fills a block"
    middle = len(frame.read_at) // 2
    return [_slice(frame, slice(None, middle))], [_slice(frame, slice(middle, None))]


def _slice(frame: Readings, rows: slice) -> Readings:
    return replace(
        frame,
        read_at=frame.read_at[rows],
        offset_ms=frame.offset_ms[rows],
        quality=frame.quality[rows],
        registers={register: counts[rows] for register, counts in frame.registers.items()},
        status=frame.status[rows],
    )


def gap_frames(meters: Sequence[int], missing: Sequence[Missing]) -> Iterator[Gap]:
    """Yield the statements that none of `meters` has readings in what is missing."""
    for span in missing:
        for meter in meters:
            yield Gap(meter, span.from_at, span.to_at, span.cause)


_NEIGHBOURS = """
select
    coalesce(
        (select sealed_at from block where epoch = :epoch and seq < :seq order by seq desc limit 1),
        (select started_at from epoch where epoch = :epoch)
    ),
    (select sealed_at from block where epoch = :epoch and seq > :seq order by seq limit 1)
"""
