"""Devices in the order of their names.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("device_by_name", "device", ["name", "id"], unique=False)
