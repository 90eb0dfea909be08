"""What devices state beside readings, each statement once; and which instances of a device were heard.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of statements, instances and contests."""
    _make_statements()
    _make_identities()


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
    op.create_index("contest_open", "contest", ["device"], unique=True, sqlite_where=sa.text("resolved_at IS NULL"))
