"""Streams and blocks: what the hub has taken custody of, byte for byte."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, bindparam, func, insert, select, update

from hub.store import schema
from hub.store.dialect import insert_new, insert_rows
from protocol.chain import Verdict
from protocol.custody.receiver import DecisionKind, Stored, Stream, is_doubtful
from protocol.identity import BlockHash, DeviceId, Epoch
from protocol.messages import ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select, Update

SLOTS_MAX = 4096
"""The most blocks looked at in one go; a longer run is followed further when the next block arrives."""
ASIDE_MAX = 256
"""The most blocks of a stream kept aside for one reason: whoever reaches the broker could send any number of them."""

Place = tuple[DeviceId, Epoch]


@dataclass(frozen=True, slots=True)
class HeldStream:
    """One epoch of one device as stored: its key here and what custody knows of it.

    `begun_at` is when its genesis was sealed and `overtaken_at` when that of the next epoch was (UTC ms by the device's
    own clock, None where unknown). From `judge_from` on its blocks of unknown key are to be judged again.
    """

    id: int
    stream: Stream
    begun_at: int | None = None
    overtaken_at: int | None = None
    judge_from: int | None = None


class SavedStream(NamedTuple):
    """What is kept of a stream after a batch; `block_at` is when an intact new block came with it (None: none did)."""

    id: int
    stream: Stream
    begun_at: int | None
    block_at: int | None


class BlockRow(NamedTuple):
    """A block to be stored: the exact bytes with the verdict they got on arrival (`received_at` UTC ms)."""

    stream: int
    seq: int
    hash: BlockHash
    previous: BlockHash
    received_at: int
    verdict: Verdict
    raw: bytes


def find_stream(connection: Connection, device: DeviceId, epoch: Epoch) -> HeldStream | None:
    """Return the stream of this device's epoch."""
    return find_streams(connection, [(device, epoch)]).get((device, epoch))


def find_streams(connection: Connection, places: Collection[Place]) -> dict[Place, HeldStream]:
    """Return those of these streams that are held, by device and epoch."""
    named = {"devices": list({device for device, _ in places}), "epochs": list({epoch for _, epoch in places})}
    rows = connection.execute(_find_streams(), named)
    return {place: _held(row) for row in rows if (place := (row.device, row.epoch)) in places}


def open_stream(connection: Connection, device: DeviceId, epoch: Epoch, at: int) -> HeldStream:
    """Begin the stream of this device's epoch: nothing committed yet."""
    stream = Stream(device, epoch)
    added = insert(schema.stream).values(device=device, epoch=epoch, **_watermarks(stream), started_at=at)
    return HeldStream(connection.execute(added.returning(schema.stream.c.id)).scalar_one(), stream)


def save_stream(connection: Connection, held: HeldStream, block_at: int | None) -> None:
    """Keep the stream's watermarks and code, and that an intact new block arrived at `block_at` (None: no such)."""
    save_streams(connection, [SavedStream(held.id, held.stream, held.begun_at, block_at)])


def save_streams(connection: Connection, streams: Sequence[SavedStream]) -> None:
    """Keep the watermarks and codes of streams, and what `SavedStream` says of their blocks."""
    values = [
        {
            "stream": one.id,
            "begun": one.begun_at,
            "arrived": one.block_at,
            **{f"new_{name}": value for name, value in _watermarks(one.stream).items()},
        }
        for one in streams
    ]
    if values:
        connection.execute(_save_streams(), values)


def slots_near(connection: Connection, stream: int, seqs: Iterable[int]) -> dict[int, Stored]:
    """Return the stored blocks in the slots `seqs` and right beside them, by seq."""
    wanted = {near for seq in seqs for near in (seq - 1, seq, seq + 1)}
    return {slot.seq: slot for slot in _slots(connection, stream, schema.block.c.seq.in_(wanted))}


def slots_beyond(connection: Connection, streams: Collection[HeldStream]) -> dict[int, dict[int, Stored]]:
    """Return of each stream, by its id, the stored blocks from `committed` on by seq, at most `SLOTS_MAX` of them."""
    found = {held.id: dict[int, Stored]() for held in streams}
    rows_max = SLOTS_MAX + len(found)
    rows = connection.execute(_slots_beyond(), {"streams": list(found), "rows_max": rows_max}).all()
    if len(rows) == rows_max:
        return {
            held.id: {slot.seq: slot for slot in slots_from(connection, held.id, max(0, held.stream.committed))}
            for held in streams
        }
    for stream_id, seq, sha256, verdict, previous in rows:
        found[stream_id][seq] = Stored(seq, BlockHash(sha256), Verdict(verdict), BlockHash(previous))
    return found


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


def store_blocks(connection: Connection, blocks: Sequence[BlockRow]) -> None:
    """Store blocks in their empty slots."""
    # For `bytes` and enumeration members sqlite3 looks for an adapter, value by value: three quarters of the insertion.
    rows = [
        (stream, seq, bytearray(sha256), bytearray(previous), received_at, verdict.value, bytearray(raw))
        for stream, seq, sha256, previous, received_at, verdict, raw in blocks
    ]
    stored = insert_rows(connection, schema.block, rows)
    assert stored == len(blocks), "a slot that was taken for empty holds a block"


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
    connection.execute(update(table).where(slot).values(previous=block.previous, **_content(block)))


def set_aside(connection: Connection, block: BlockRow, reason: DecisionKind) -> bool:
    """Keep bytes that do not hold the slot they claim, the same bytes once only; return whether they are kept.

    They are not where their stream has `ASIDE_MAX` others of that reason. What held a slot is kept in any case.
    """
    table = schema.block_aside
    if reason is not DecisionKind.SUPERSEDES:
        others = select(func.count()).where(
            table.c.stream_id == block.stream, table.c.reason == reason.value, table.c.sha256 != block.hash
        )
        if connection.execute(others).scalar_one() >= ASIDE_MAX:
            return False
    place = {"stream_id": block.stream, "seq": block.seq, "reason": reason.value}
    connection.execute(insert_new(connection, table).values(**place, **_content(block)))
    return True


def _content(block: BlockRow) -> dict[str, object]:
    return {
        "sha256": block.hash,
        "bytes": block.raw,
        "received_at": block.received_at,
        "verdict": block.verdict.value,
    }


def read_bytes(connection: Connection, stream: int, seqs: Sequence[int]) -> dict[int, tuple[bytes, int]]:
    """Return the stored bytes of the intact ones of these blocks, and when they were received (UTC ms), by seq."""
    table = schema.block
    rows = connection.execute(
        select(table.c.seq, table.c.bytes, table.c.received_at).where(
            table.c.stream_id == stream, table.c.seq.in_(list(seqs)), table.c.verdict == Verdict.OK.value
        )
    )
    return {row.seq: (row.bytes, row.received_at) for row in rows}


def _slots(connection: Connection, stream: int, where: ColumnElement[bool]) -> tuple[Stored, ...]:
    table = schema.block
    rows = connection.execute(
        select(table.c.seq, table.c.sha256, table.c.verdict, table.c.previous)
        .where(table.c.stream_id == stream, where)
        .order_by(table.c.seq)
        .limit(SLOTS_MAX)
    )
    return tuple(Stored(row.seq, BlockHash(row.sha256), Verdict(row.verdict), BlockHash(row.previous)) for row in rows)


def _held(row: Row[tuple[object, ...]]) -> HeldStream:
    stream = Stream(
        device=DeviceId(row.device),
        epoch=Epoch(row.epoch),
        committed=row.committed,
        safe=row.safe,
        committed_hash=BlockHash(row.committed_hash),
        code=ReceiptCode(row.code),
        code_seq=row.code_seq,
    )
    return HeldStream(row.id, stream, row.begun_at, row.overtaken_at, row.judge_from)


_WATERMARKS = ("committed", "safe", "committed_hash", "code", "code_seq")


def _watermarks(stream: Stream) -> dict[str, int | bytes]:
    return {
        "committed": stream.committed,
        "safe": stream.safe,
        "committed_hash": stream.committed_hash,
        "code": int(stream.code),
        "code_seq": stream.code_seq,
    }


# What a batch asks for, built once: SQLAlchemy takes longer to build such a statement than SQLite to carry it out.


@functools.cache
def _find_streams() -> Select[tuple[object, ...]]:
    table, later = schema.stream, schema.stream.alias("later")
    overtaken_at = (
        select(func.min(later.c.begun_at))
        .where(later.c.device == table.c.device, later.c.begun_at > table.c.begun_at)
        .scalar_subquery()
    )
    query: Select[tuple[object, ...]] = select(table, overtaken_at.label("overtaken_at")).where(
        table.c.device.in_(bindparam("devices", expanding=True)), table.c.epoch.in_(bindparam("epochs", expanding=True))
    )
    return query


@functools.cache
def _slots_beyond() -> Select[int, int, bytes, str, bytes]:
    block, stream = schema.block, schema.stream
    return (
        select(block.c.stream_id, block.c.seq, block.c.sha256, block.c.verdict, block.c.previous)
        .join(stream, and_(stream.c.id == block.c.stream_id, block.c.seq >= stream.c.committed))
        .where(stream.c.id.in_(bindparam("streams", expanding=True)))
        .order_by(block.c.stream_id, block.c.seq)
        .limit(bindparam("rows_max"))
    )


@functools.cache
def _save_streams() -> Update:
    table = schema.stream
    return (
        update(table)
        .where(table.c.id == bindparam("stream"))
        .values(
            begun_at=func.coalesce(table.c.begun_at, bindparam("begun")),
            block_at=func.coalesce(bindparam("arrived"), table.c.block_at),
            **{name: bindparam(f"new_{name}") for name in _WATERMARKS},
        )
    )
