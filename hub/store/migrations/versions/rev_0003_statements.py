"""What devices state beside readings, each statement once; learned keys; and which instances of a device were heard.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

from protocol.messages import Block, ClockEvent, Gap, PollErrors, TimeQuality, record_count
from protocol.wire import read_block

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Rows = Mapping[str, list[dict[str, object]]]

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


_BLOCKS_AT_ONCE = 256


def upgrade() -> None:
    """Make the tables of statements, instances and contests, and fill them from the blocks that are held."""
    _extend_streams()
    for table in ("gap", "poll_error", "clock_event"):
        op.drop_table(table)
    _make_statements()
    _make_identities()
    _derive_again()


def _extend_streams() -> None:
    """Make room for learned keys, and have what lies beyond gaps derived, which earlier hubs put off.

    Such blocks are judged again with the device's next message, as if their keys had just been learned.
    """
    op.add_column("signing_key", sa.Column("statement", sa.LargeBinary(), nullable=True))
    op.add_column("stream", sa.Column("begun_at", _whole(), nullable=True))
    op.add_column("stream", sa.Column("judge_from", _whole(), nullable=True))
    op.create_index("stream_to_judge", "stream", ["device"], sqlite_where=sa.text("judge_from IS NOT NULL"))
    block = sa.table("block", *map(sa.column, ("stream_id", "seq", "verdict")))
    stream = sa.table("stream", *map(sa.column, ("id", "committed", "judge_from")))
    committed = sa.select(stream.c.committed).where(stream.c.id == block.c.stream_id).scalar_subquery()
    beyond = sa.and_(block.c.verdict == "ok", block.c.seq > committed)
    op.execute(
        sa.update(stream).where(stream.c.id.in_(sa.select(block.c.stream_id).where(beyond))).values(judge_from=0)
    )
    op.execute(sa.update(block).where(beyond).values(verdict="unknown-key"))


def _derive_again() -> None:
    """Keep what committed blocks state: earlier hubs knew a statement by its place, and not in which boot it was."""
    connection = op.get_bind()
    tables = {
        name: sa.Table(name, sa.MetaData(), autoload_with=connection) for name in ("gap", "poll_error", "clock_event")
    }
    begun = sa.text("UPDATE stream SET begun_at = :at WHERE id = :stream")
    for stream, block in _intact_blocks(connection):
        if block.seq == 0 and block.sealed.quality is not TimeQuality.UNKNOWN:
            connection.execute(begun, {"at": block.sealed.wall_ms, "stream": stream})
        for name, rows in _statements(stream, block).items():
            keys = [column.name for column in tables[name].primary_key]
            for row in rows:
                same = sa.and_(*(tables[name].c[key] == row[key] for key in keys))
                if connection.execute(sa.select(tables[name].c.record).where(same)).first() is None:
                    connection.execute(sa.insert(tables[name]).values(row))


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


def _statements(stream: int, block: Block) -> Rows:
    rows: dict[str, list[dict[str, object]]] = {"gap": [], "poll_error": [], "clock_event": []}
    record = block.first_record
    for frame in block.frames:
        place = {"device": block.device, "boot_id": block.boot_id, "stream_id": stream, "record": record}
        if isinstance(frame, Gap | PollErrors):
            place |= {"meter_index": frame.meter, "from_at": frame.from_at, "to_at": frame.to_at}
        match frame:
            case Gap():
                rows["gap"].append({**place, "cause": frame.cause.value})
            case PollErrors():
                counts = frame.counts.items()
                rows["poll_error"] += [{**place, "cause": str(cause), "polls": polls} for cause, polls in counts]
            case ClockEvent():
                offsets = {"old_offset_ms": frame.old_offset_ms, "new_offset_ms": frame.new_offset_ms}
                moved = {"boottime_ms": frame.boottime_ms, "source": frame.source, "error_ms": frame.error_ms}
                rows["clock_event"].append({**place, **offsets, **moved})
        record += record_count(frame)
    return rows


def _make_statements() -> None:
    op.create_table(
        "gap",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("boot_id", sa.LargeBinary(), nullable=False),
        sa.Column("meter_index", sa.Integer(), nullable=False),
        sa.Column("from_at", _whole(), nullable=False),
        sa.Column("to_at", _whole(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("record", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint("device", "boot_id", "meter_index", "from_at", "to_at", "cause"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "poll_error",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("boot_id", sa.LargeBinary(), nullable=False),
        sa.Column("meter_index", sa.Integer(), nullable=False),
        sa.Column("from_at", _whole(), nullable=False),
        sa.Column("to_at", _whole(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("polls", _whole(), nullable=False),
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("record", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint("device", "boot_id", "meter_index", "from_at", "to_at", "cause", "polls"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "clock_event",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("boot_id", sa.LargeBinary(), nullable=False),
        sa.Column("boottime_ms", _whole(), nullable=False),
        sa.Column("old_offset_ms", _whole(), nullable=False),
        sa.Column("new_offset_ms", _whole(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("error_ms", _whole(), nullable=False),
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("record", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint(
            "device", "boot_id", "boottime_ms", "old_offset_ms", "new_offset_ms", "source", "error_ms"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "command_event",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("boot_id", sa.LargeBinary(), nullable=False),
        sa.Column("number", _whole(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("config_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", _whole(), nullable=False),
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("record", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint("device", "boot_id", "number", "operation", "outcome", "config_hash"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )


def _make_identities() -> None:
    op.create_table(
        "instance",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("first_heard_at", _whole(), nullable=False),
        sa.Column("turn", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("device", "id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "contest",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", _whole(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("resolved_at", _whole(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    is_open = sa.text("resolved_at IS NULL")
    op.create_index("contest_open", "contest", ["device"], unique=True, sqlite_where=is_open, postgresql_where=is_open)
