"""What people changed of the thresholds of alert rules.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, empty: the defaults hold."""
    op.create_table(
        "alert_threshold",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("threshold", sa.Text(), nullable=False),
        sa.Column("value", _whole(), nullable=True),
        sa.Column("from_at", _whole(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_alert_threshold_threshold", "alert_threshold", ["threshold", "number"], unique=False)
