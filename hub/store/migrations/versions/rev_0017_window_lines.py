"""How each system stands towards the window of a month.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, empty: they are drawn at the next look."""
    op.create_table(
        "window_line",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("capacity_w", _whole(), nullable=False),
        sa.Column("expected_wh", _whole(), nullable=False),
        sa.ForeignKeyConstraint(
            ["system"],
            ["system.pts_id"],
        ),
        sa.PrimaryKeyConstraint("system"),
        sqlite_strict=True,
    )
    op.create_index(
        "window_line_by_stake", "window_line", ["standing", "expected_wh", "system", "capacity_w"], unique=False
    )
    op.create_table(
        "window_look",
        sa.Column("id", _whole(), autoincrement=False, nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("looked_at", _whole(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
