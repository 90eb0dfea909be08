"""Which systems lacked months of a quarter at the last look.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, empty: they are drawn from the next look on."""
    op.create_table(
        "missing_line",
        sa.Column("quarter", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["system"], ["system.pts_id"]),
        sa.PrimaryKeyConstraint("quarter", "system"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "missing_look",
        sa.Column("quarter", sa.Text(), nullable=False),
        sa.Column("months", _whole(), nullable=False),
        sa.Column("systems", _whole(), nullable=False),
        sa.Column("looked_at", _whole(), nullable=False),
        sa.PrimaryKeyConstraint("quarter"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
