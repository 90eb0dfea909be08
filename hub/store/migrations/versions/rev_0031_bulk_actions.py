"""Tags of devices, and what is done to many devices at once.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, empty, and let a command say which bulk it is part of and that it was withdrawn."""
    op.create_table(
        "device_tag",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("device", "tag"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("device_tag_by_name", "device_tag", ["tag", "name", "device"], unique=False)
    op.create_table(
        "bulk",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("until_at", _whole(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("devices", _whole(), nullable=False),
        sa.Column("left_out", _whole(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("cancelled_at", _whole(), nullable=True),
        sa.Column("cancelled_by", sa.Text(), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.add_column("command", sa.Column("withdrawn_at", _whole(), nullable=True))
    op.add_column("command", sa.Column("bulk", _whole(), nullable=True))
    op.create_index("command_of_bulk", "command", ["bulk", "device", "number"], unique=False)
