"""What devices say of the machines that they are.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, empty: each device fills its row when it next says how it is."""
    op.create_table(
        "device_machine",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("said_at", _whole(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.Column("boot_count", _whole(), nullable=False),
        sa.Column("starts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device"],
            ["device.id"],
        ),
        sa.PrimaryKeyConstraint("device"),
        sqlite_strict=True,
    )
