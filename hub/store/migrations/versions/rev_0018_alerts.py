"""Alerts, acknowledgements and silences.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "alert",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since_at", _whole(), nullable=False),
        sa.Column("true_at", _whole(), nullable=False),
        sa.Column("fired_at", _whole(), nullable=True),
        sa.Column("ended_at", _whole(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_alert_ended_at", "alert", ["ended_at", "number"], unique=False)
    op.create_table(
        "alert_acknowledgement",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("alert", _whole(), nullable=False),
        sa.Column("until_at", _whole(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert"],
            ["alert.number"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_alert_acknowledgement_alert", "alert_acknowledgement", ["alert"], unique=False)
    op.create_table(
        "alert_silence",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("until_at", _whole(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_alert_silence_until_at", "alert_silence", ["until_at"], unique=False)
