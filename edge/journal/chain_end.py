"""Where a log ends: who writes it, and how the next block is chained on. Everything that seals goes through here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol import wire
from protocol.identity import BlockHash, BootId, DeviceId, Epoch, hash_block
from protocol.messages import Block, PollErrors, Readings, record_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlite_utils import Database

    from protocol.cose import SigningKey
    from protocol.messages import Frame, Instant


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes the log: the device, its signing key, and the agent's version.

    `key_history` holds the sealed key statements from the enrolment key to `key`, none where they are the same.
    """

    device: DeviceId
    key: SigningKey
    agent_version: str
    key_history: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Boot:
    """One run of the kernel: its number in this log, and the beginning of its random id."""

    count: int
    id: BootId


def append_block(  # noqa: PLR0913 - whose log, and what a block is made of
    db: Database, author: Author, epoch: Epoch, frames: Sequence[Frame], *, boot: Boot, now: Instant, flags: int = 0
) -> int:
    """Seal `frames` as the next block of `epoch` and return its seq; the caller holds the transaction.

    Raises TooLargeError, before anything is written, if the block would exceed 64 KiB.
    """
    head, head_hash, next_record = db.execute(
        "select head, head_hash, next_record from epoch where epoch = ?", [epoch]
    ).fetchone()
    block = Block(
        device=author.device,
        epoch=epoch,
        seq=head + 1,
        first_record=next_record,
        previous=BlockHash(head_hash),
        boot_count=boot.count,
        boot_id=boot.id,
        frames=tuple(frames),
        sealed=now,
        flags=flags,
    )
    raw = wire.seal_block(block, author.key)
    identity = hash_block(raw)
    db.execute(
        "insert into block (epoch, seq, hash, sealed_at, first_at, last_at, raw) values (?, ?, ?, ?, ?, ?, ?)",
        [epoch, block.seq, identity, now.wall_ms, *polled_span(frames), raw],
    )
    db.execute(
        "update epoch set head = ?, head_hash = ?, next_record = ? where epoch = ?",
        [block.seq, identity, next_record + sum(record_count(frame) for frame in frames), epoch],
    )
    return block.seq


def polled_span(frames: Iterable[Frame]) -> tuple[int | None, int | None]:
    """Return when the first and the last poll in these frames were (UTC ms), None where there is none."""
    times: list[int] = []
    for frame in frames:
        if isinstance(frame, Readings):
            times += (min(frame.read_at), max(frame.read_at))
        elif isinstance(frame, PollErrors):
            times += (frame.from_at, frame.to_at)
    return (min(times), max(times)) if times else (None, None)
