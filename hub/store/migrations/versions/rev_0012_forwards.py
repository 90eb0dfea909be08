"""Calls to MassCEC's tracking system, their answers, and what became of each system's reading.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "forward_call",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("is_test", sa.Integer(), nullable=False),
        sa.Column("sent_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_forward_call_month", "forward_call", ["month"], unique=False)
    op.create_table(
        "forward_verdict",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("call", _whole(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("said_at", _whole(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("forward_verdict_by_item", "forward_verdict", ["call", "system"], unique=False)
    op.create_table(
        "forward_anew",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("after_call", _whole(), nullable=False),
        sa.Column("said_at", _whole(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["system"],
            ["system.pts_id"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_forward_anew_system", "forward_anew", ["system"], unique=False)
    op.create_table(
        "forward_answer",
        sa.Column("call", _whole(), nullable=False),
        sa.Column("answered_at", _whole(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call"],
            ["forward_call.number"],
        ),
        sa.PrimaryKeyConstraint("call"),
        sqlite_strict=True,
    )
    op.create_table(
        "forward_item",
        sa.Column("call", _whole(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("meter_id", _whole(), nullable=False),
        sa.Column("register_wh", _whole(), nullable=False),
        sa.Column("read_at", _whole(), nullable=False),
        sa.Column("service_cost_cents", _whole(), nullable=True),
        sa.ForeignKeyConstraint(
            ["call"],
            ["forward_call.number"],
        ),
        sa.ForeignKeyConstraint(
            ["meter_id"],
            ["meter.id"],
        ),
        sa.ForeignKeyConstraint(
            ["system"],
            ["system.pts_id"],
        ),
        sa.PrimaryKeyConstraint("call", "system"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("forward_item_by_system", "forward_item", ["system", "call"], unique=False)
