"""Failed polls in the order of time.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("poll_error_by_time", "poll_error", ["to_at"], unique=False)
