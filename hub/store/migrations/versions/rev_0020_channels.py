"""Channels that alerts are told by, what each was told, and what is on its way.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "channel",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("least", sa.Text(), nullable=False),
        sa.Column("digest_ms", _whole(), nullable=False),
        sa.Column("has_heartbeat", _whole(), nullable=False),
        sa.Column("made_at", _whole(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("failed_at", _whole(), nullable=True),
        sa.Column("ended_at", _whole(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_table(
        "alert_told",
        sa.Column("channel", _whole(), nullable=False),
        sa.Column("alert", _whole(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("told_at", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channel.number"]),
        sa.ForeignKeyConstraint(["alert"], ["alert.number"]),
        sa.PrimaryKeyConstraint("channel", "alert", "said"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dispatch",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("channel", _whole(), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_at", _whole(), nullable=False),
        sa.Column("useful_until", _whole(), nullable=False),
        sa.Column("decided", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["channel"], ["channel.number"]),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_dispatch_waiting", "dispatch", ["decided", "number"], unique=False)
    op.create_index("ix_dispatch_channel", "dispatch", ["channel", "number"], unique=False)
    op.create_index("ix_dispatch_account", "dispatch", ["account", "made_at"], unique=False)
    op.create_table(
        "dispatch_attempt",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("dispatch", _whole(), nullable=False),
        sa.Column("tried_at", _whole(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["dispatch"], ["dispatch.number"]),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_dispatch_attempt_dispatch", "dispatch_attempt", ["dispatch"], unique=False)
