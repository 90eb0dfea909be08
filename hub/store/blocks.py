"""Blocks as they are held, one by one: what a page shows of the one that bears a number out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, tuple_

from hub.store import schema
from protocol.identity import DeviceId, Epoch

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection, Row, Select


@dataclass(frozen=True, slots=True)
class HeldBlock:
    """A block: where in its device's log it stands, its hash, when it came (UTC ms) and what its signature is worth."""

    device: DeviceId
    epoch: Epoch
    seq: int
    sha256: bytes
    received_at: int
    verdict: str
    length: int


def find_blocks(connection: Connection, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], HeldBlock]:
    """Return the blocks at these places (the stream's id and the seq), by place; those not held are left out."""
    block = schema.block
    query = _blocks().where(tuple_(block.c.stream_id, block.c.seq).in_(list(places)))
    return {(row.stream_id, row.seq): _held(row) for row in connection.execute(query)}


def last_block(connection: Connection, device: DeviceId) -> HeldBlock | None:
    """Return the block of a device that stands last in the epoch in which one came last."""
    stream = schema.stream
    latest = (
        select(stream.c.id).where(stream.c.device == device).order_by(stream.c.block_at.desc().nulls_last()).limit(1)
    ).scalar_subquery()
    query = _blocks().where(schema.block.c.stream_id == latest).order_by(schema.block.c.seq.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _held(row)


def _blocks() -> Select[tuple[int, int, bytes, int, str, int, bytes, bytes]]:
    block, stream = schema.block, schema.stream
    return select(
        block.c.stream_id,
        block.c.seq,
        block.c.sha256,
        block.c.received_at,
        block.c.verdict,
        func.length(block.c.bytes).label("length"),
        stream.c.device,
        stream.c.epoch,
    ).join(stream, stream.c.id == block.c.stream_id)


def _held(row: Row[tuple[int, int, bytes, int, str, int, bytes, bytes]]) -> HeldBlock:
    return HeldBlock(
        DeviceId(row.device), Epoch(row.epoch), row.seq, row.sha256, row.received_at, row.verdict, row.length
    )
