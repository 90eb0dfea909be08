"""What keeping a hub in operation needs: verified backups, restores from them, and the commands to devices.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of backups and of commands."""
    _make_backups()
    _make_commands()


def _make_backups() -> None:
    op.create_table(
        "backup",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("made_at", _whole(), nullable=False),
        sa.Column("verified_at", _whole(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("timeline", sa.LargeBinary(), nullable=False),
        sa.Column("blocks", _whole(), nullable=False),
        sa.Column("readings", _whole(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "restore",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("restored_at", _whole(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("made_at", _whole(), nullable=False),
        sa.Column("timeline_before", sa.LargeBinary(), nullable=False),
        sa.Column("timeline", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )


def _make_commands() -> None:
    op.create_table(
        "command",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("number", _whole(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("issued_at", _whole(), nullable=False),
        sa.Column("ttl_seconds", _whole(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("sent_at", _whole(), nullable=True),
        sa.Column("sent_session", sa.LargeBinary(), nullable=False),
        sa.Column("closed_at", _whole(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("device", "number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("command_open", "command", ["device", "number"], sqlite_where=sa.text("closed_at IS NULL"))
    op.create_table(
        "command_answer",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("number", _whole(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("answered_at", _whole(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("config_version", _whole(), nullable=True),
        sa.Column("bytes", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["device", "number"], ["command.device", "command.number"]),
        sa.PrimaryKeyConstraint("device", "number", "place"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
