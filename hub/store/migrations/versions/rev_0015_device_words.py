"""What people say of devices: maintenance, decommissioning, service again.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "device_word",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("until_at", _whole(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device"],
            ["device.id"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_device_word_device", "device_word", ["device", "number"], unique=False)
