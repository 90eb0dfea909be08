"""What devices state of their meters, found again in the blocks that an earlier hub took without understanding it.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

from protocol.messages import Block, MeterEvent, record_count
from protocol.wire import read_block

if TYPE_CHECKING:
    from collections.abc import Iterator

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BLOCKS_AT_ONCE = 256
_PATTERNS = 1 << 64


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of meter events, and fill it from the blocks that are held."""
    op.create_table(
        "meter_event",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("boot_id", sa.LargeBinary(), nullable=False),
        sa.Column("meter_index", sa.Integer(), nullable=False),
        sa.Column("at", _whole(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("rid", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("before_at", _whole(), nullable=True),
        sa.Column("before_raw", _whole(), nullable=True),
        sa.Column("after_at", _whole(), nullable=True),
        sa.Column("after_raw", _whole(), nullable=True),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("now", sa.Text(), nullable=False),
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("record", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint("device", "boot_id", "meter_index", "at", "kind", "rid", "note"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    connection = op.get_bind()
    table = sa.Table("meter_event", sa.MetaData(), autoload_with=connection)
    keys = [column.name for column in table.primary_key]
    for stream, block in _intact_blocks(connection):
        for row in _events(stream, block):
            same = sa.and_(*(table.c[key] == row[key] for key in keys))
            if connection.execute(sa.select(table.c.record).where(same)).first() is None:
                connection.execute(sa.insert(table).values(row))


def _intact_blocks(connection: sa.Connection) -> Iterator[tuple[int, Block]]:
    """Yield the intact blocks of every stream, in order, and some at a time."""
    some = sa.text(
        "SELECT stream_id, seq, bytes FROM block WHERE verdict = 'ok'"
        " AND (stream_id > :stream OR stream_id = :stream AND seq > :seq)"
        " ORDER BY stream_id, seq LIMIT :number"
    )
    stream, seq = -1, -1
    while rows := connection.execute(some, {"stream": stream, "seq": seq, "number": _BLOCKS_AT_ONCE}).all():
        for row in rows:
            yield row.stream_id, read_block(row.bytes)[0]
        stream, seq = rows[-1].stream_id, rows[-1].seq


def _events(stream: int, block: Block) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    record = block.first_record
    for frame in block.frames:
        if isinstance(frame, MeterEvent):
            before_at, before_raw = _counted(frame.before)
            after_at, after_raw = _counted(frame.after)
            place = {"device": block.device, "boot_id": block.boot_id, "stream_id": stream, "record": record}
            about = {"meter_index": frame.meter, "rid": -1 if frame.register is None else frame.register}
            said = {"at": frame.at, "kind": frame.kind, "note": frame.note or "", "was": frame.was, "now": frame.now}
            readings = {
                "before_at": before_at, "before_raw": before_raw, "after_at": after_at, "after_raw": after_raw,
            }  # fmt: skip
            rows.append({**place, **about, **said, **readings})
        record += record_count(frame)
    return rows


def _counted(reading: tuple[int, int] | None) -> tuple[int | None, int | None]:
    """Return a reading's instant, and its unsigned pattern as the signed integer that SQL has."""
    if reading is None:
        return None, None
    read_at, raw = reading
    return read_at, raw - _PATTERNS if raw >= _PATTERNS // 2 else raw
