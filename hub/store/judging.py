"""Blocks in custody whose key was unknown when they came: they are judged again once their device's keys have grown.

Each stream remembers how far that has come (`stream.judge_from`), so that it can be done in bounded pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, select, update

from hub.store import schema
from hub.store.custody import BlockRow
from protocol.chain import Verdict
from protocol.identity import BlockHash, DeviceId, Epoch

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


def begin(connection: Connection, device: DeviceId) -> None:
    """Have all blocks of unknown key of this device judged again, from the first."""
    stream = schema.stream
    unknown = exists().where(schema.block.c.stream_id == stream.c.id, _is_unknown())
    connection.execute(update(stream).where(stream.c.device == device, unknown).values(judge_from=0))


def next_blocks(connection: Connection, device: DeviceId, limit: int) -> tuple[tuple[Epoch, BlockRow], ...]:
    """Return at most `limit` blocks that are to be judged again, each stream's in order, and their epochs."""
    block, stream = schema.block, schema.stream
    rows = connection.execute(
        select(block, stream.c.epoch)
        .join(stream, and_(stream.c.id == block.c.stream_id, block.c.seq >= stream.c.judge_from))
        .where(stream.c.device == device, stream.c.judge_from.is_not(None), _is_unknown())
        .order_by(block.c.stream_id, block.c.seq)
        .limit(limit)
    )
    return tuple(
        (
            Epoch(row.epoch),
            BlockRow(
                stream=row.stream_id,
                seq=row.seq,
                hash=BlockHash(row.sha256),
                previous=BlockHash(row.previous),
                received_at=row.received_at,
                verdict=Verdict(row.verdict),
                raw=row.bytes,
            ),
        )
        for row in rows
    )


def save_verdict(connection: Connection, block: BlockRow, verdict: Verdict) -> None:
    """Keep the verdict that a block has now."""
    table = schema.block
    slot = (table.c.stream_id == block.stream) & (table.c.seq == block.seq)
    connection.execute(update(table).where(slot).values(verdict=verdict.value))


def move_on(connection: Connection, block: BlockRow) -> None:
    """Remember that the stream has been judged again up to and with this block."""
    stream = schema.stream
    connection.execute(update(stream).where(stream.c.id == block.stream).values(judge_from=block.seq + 1))


def end(connection: Connection, device: DeviceId) -> None:
    """Remember that nothing of this device is left to be judged again."""
    stream = schema.stream
    waiting = (stream.c.device == device) & stream.c.judge_from.is_not(None)
    connection.execute(update(stream).where(waiting).values(judge_from=None))


def is_waiting(connection: Connection, device: DeviceId) -> bool:
    """Return whether blocks of this device are to be judged again."""
    stream = schema.stream
    query = select(stream.c.id).where(stream.c.device == device, stream.c.judge_from.is_not(None)).limit(1)
    return connection.execute(query).one_or_none() is not None


def _is_unknown() -> ColumnElement[bool]:
    # The second condition says nothing new; with it SQLite finds the blocks in the index of those that are not intact.
    verdict = schema.block.c.verdict
    return and_(verdict == Verdict.UNKNOWN_KEY.value, verdict != Verdict.OK.value)
