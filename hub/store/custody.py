"""Streams and blocks: what the hub has taken custody of, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from hub.store import schema
from hub.store.dialect import insert_new
from protocol.chain import Verdict
from protocol.custody.receiver import DecisionKind, Stored, Stream, is_doubtful
from protocol.identity import BlockHash, DeviceId, Epoch
from protocol.messages import ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection

SLOTS_MAX = 4096
"""The most blocks looked at in one go; a longer run is followed further when the next block arrives."""


@dataclass(frozen=True, slots=True)
class HeldStream:
    """One epoch of one device as stored: its key here and what custody knows of it."""

    id: int
    stream: Stream


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A block to be stored: the exact bytes with the verdict they got on arrival (`received_at` UTC ms)."""

    stream: int
    seq: int
    hash: BlockHash
    previous: BlockHash
    raw: bytes
    received_at: int
    verdict: Verdict


def find_stream(connection: Connection, device: DeviceId, epoch: Epoch) -> HeldStream | None:
    """Return the stream of this device's epoch."""
    table = schema.stream
    row = connection.execute(select(table).where(table.c.device == device, table.c.epoch == epoch)).one_or_none()
    if row is None:
        return None
    return HeldStream(
        row.id,
        Stream(
            device=DeviceId(row.device),
            epoch=Epoch(row.epoch),
            committed=row.committed,
            safe=row.safe,
            committed_hash=BlockHash(row.committed_hash),
            code=ReceiptCode(row.code),
            code_seq=row.code_seq,
        ),
    )


def open_stream(connection: Connection, device: DeviceId, epoch: Epoch, at: int) -> HeldStream:
    """Begin the stream of this device's epoch: nothing committed yet."""
    stream = Stream(device, epoch)
    added = insert(schema.stream).values(device=device, epoch=epoch, **_watermarks(stream), started_at=at)
    return HeldStream(connection.execute(added.returning(schema.stream.c.id)).scalar_one(), stream)


def save_stream(connection: Connection, held: HeldStream, block_at: int | None) -> None:
    """Keep the stream's watermarks and code, and that an intact new block arrived at `block_at` (None: no such)."""
    saved = update(schema.stream).where(schema.stream.c.id == held.id).values(**_watermarks(held.stream))
    connection.execute(saved if block_at is None else saved.values(block_at=block_at))


def slots_near(connection: Connection, stream: int, seqs: Iterable[int]) -> dict[int, Stored]:
    """Return the stored blocks in the slots `seqs` and right beside them, by seq."""
    wanted = {near for seq in seqs for near in (seq - 1, seq, seq + 1)}
    return {slot.seq: slot for slot in _slots(connection, stream, schema.block.c.seq.in_(wanted))}


def slots_from(connection: Connection, stream: int, seq: int) -> tuple[Stored, ...]:
    """Return the stored blocks from `seq` on, in order, at most `SLOTS_MAX` of them."""
    return _slots(connection, stream, schema.block.c.seq >= seq)


def lowest_doubtful(connection: Connection, stream: int) -> int | None:
    """Return the lowest seq of which the device may hold a better copy (`protocol.custody.receiver.is_doubtful`)."""
    bad = _slots(connection, stream, schema.block.c.verdict != Verdict.OK.value)
    near = slots_near(connection, stream, (slot.seq for slot in bad)) if bad else {}
    return next((slot.seq for slot in bad if is_doubtful(slot, near.get(slot.seq + 1))), None)


def lowest_conflict(connection: Connection, stream: int) -> int | None:
    """Return the lowest seq for which a contradicting block is kept aside."""
    table = schema.block_aside
    query = select(func.min(table.c.seq)).where(
        table.c.stream_id == stream, table.c.reason == DecisionKind.CONFLICT.value
    )
    found: int | None = connection.execute(query).scalar_one()
    return found


def store_block(connection: Connection, block: BlockRow) -> None:
    """Store a block in its empty slot."""
    connection.execute(insert(schema.block), _slot_values(block))


def supersede_block(connection: Connection, block: BlockRow) -> None:
    """Put a better copy into a slot; bytes that differ move aside, none are lost."""
    table = schema.block
    slot = (table.c.stream_id == block.stream) & (table.c.seq == block.seq)
    old = connection.execute(select(table).where(slot)).one()
    if old.sha256 != block.hash:
        aside = BlockRow(
            stream=block.stream,
            seq=block.seq,
            hash=BlockHash(old.sha256),
            previous=BlockHash(old.previous),
            raw=old.bytes,
            received_at=old.received_at,
            verdict=Verdict(old.verdict),
        )
        set_aside(connection, aside, DecisionKind.SUPERSEDES)
    connection.execute(update(table).where(slot), _slot_values(block))


def set_aside(connection: Connection, block: BlockRow, reason: DecisionKind) -> None:
    """Keep bytes that do not hold the slot they claim; the same bytes once only."""
    connection.execute(
        insert_new(connection, schema.block_aside).values(
            stream_id=block.stream,
            seq=block.seq,
            sha256=block.hash,
            bytes=block.raw,
            received_at=block.received_at,
            verdict=block.verdict.value,
            reason=reason.value,
        )
    )


def read_bytes(connection: Connection, stream: int, seqs: Sequence[int]) -> dict[int, bytes]:
    """Return the stored bytes of the intact ones of these blocks, by seq."""
    table = schema.block
    rows = connection.execute(
        select(table.c.seq, table.c.bytes).where(
            table.c.stream_id == stream, table.c.seq.in_(list(seqs)), table.c.verdict == Verdict.OK.value
        )
    )
    return {row.seq: row.bytes for row in rows}


def _slots(connection: Connection, stream: int, where: ColumnElement[bool]) -> tuple[Stored, ...]:
    table = schema.block
    rows = connection.execute(
        select(table.c.seq, table.c.sha256, table.c.verdict, table.c.previous)
        .where(table.c.stream_id == stream, where)
        .order_by(table.c.seq)
        .limit(SLOTS_MAX)
    )
    return tuple(Stored(row.seq, BlockHash(row.sha256), Verdict(row.verdict), BlockHash(row.previous)) for row in rows)


def _watermarks(stream: Stream) -> dict[str, int | bytes]:
    return {
        "committed": stream.committed,
        "safe": stream.safe,
        "committed_hash": stream.committed_hash,
        "code": int(stream.code),
        "code_seq": stream.code_seq,
    }


def _slot_values(block: BlockRow) -> dict[str, int | str | bytes]:
    return {
        "stream_id": block.stream,
        "seq": block.seq,
        "sha256": block.hash,
        "previous": block.previous,
        "bytes": block.raw,
        "received_at": block.received_at,
        "verdict": block.verdict.value,
    }
