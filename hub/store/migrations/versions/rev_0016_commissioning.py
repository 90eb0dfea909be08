"""Looks at the dials of meters that devices read.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "commissioning",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("meter_id", _whole(), nullable=False),
        sa.Column("looked_at", _whole(), nullable=False),
        sa.Column("dial_wh", _whole(), nullable=False),
        sa.Column("before_at", _whole(), nullable=False),
        sa.Column("before_wh", _whole(), nullable=False),
        sa.Column("after_at", _whole(), nullable=False),
        sa.Column("after_wh", _whole(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("recorded_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meter_id"],
            ["meter.id"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_commissioning_meter_id", "commissioning", ["meter_id", "number"], unique=False)
