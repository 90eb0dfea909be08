"""What each look over the fleet keeps: where devices stand, when links changed, and a row for each hour.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, empty: they are drawn from the next look on."""
    op.create_table(
        "device_axes",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "link", "meter", "data", "report")),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("device"),
        sqlite_strict=True,
    )
    for axis in ("link", "meter", "data", "report"):
        op.create_index(f"device_axes_by_{axis}", "device_axes", [axis, "name", "device"], unique=False)
    op.create_table(
        "link_change",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("at", _whole(), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("device", "at"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("link_change_by_time", "link_change", ["at"], unique=False)
    op.create_table(
        "fleet_hour",
        sa.Column("hour_at", _whole(), autoincrement=False, nullable=False),
        *(
            sa.Column(name, _whole(), nullable=False)
            for name in ("looked_at", "in_service", "heard", "backlog", "blocks", "readings")
        ),
        sa.PrimaryKeyConstraint("hour_at"),
        sqlite_strict=True,
    )
    op.create_index("poll_error_by_device", "poll_error", ["device", "to_at"], unique=False)
