"""By what the systems' months of one state are found, however few of a month's are in it.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("system_month_by_state", "system_month", ["month", "state", "system"], unique=False)
