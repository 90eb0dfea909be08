"""Files given out for a quarter, and what of each system's month was in them.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make both tables, empty."""
    op.create_table(
        "exported_file",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("quarter", sa.Text(), nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("made_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("rows", _whole(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("exported_file_by_quarter", "exported_file", ["quarter", "layout", "kind"], unique=False)
    op.create_index(
        "exported_file_final",
        "exported_file",
        ["quarter", "layout"],
        unique=True,
        sqlite_where=sa.text("kind = 'final'"),
        postgresql_where=sa.text("kind = 'final'"),
    )
    op.create_table(
        "exported_month",
        sa.Column("file", _whole(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("kwh", _whole(), nullable=False),
        sa.Column("is_estimated", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["file"], ["exported_file.number"]),
        sa.ForeignKeyConstraint(["system"], ["system.pts_id"]),
        sa.PrimaryKeyConstraint("file", "system", "month"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("exported_month_by_system", "exported_month", ["system", "month"], unique=False)
