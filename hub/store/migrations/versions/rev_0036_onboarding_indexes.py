"""By what the queue of onboarding finds its rows: devices by when they were registered, dials that match.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    matches = sa.text("verdict = 'matches'")
    op.create_index("device_by_registration", "device", ["registered_at", "id"], unique=False)
    op.create_index(
        "commissioning_matching",
        "commissioning",
        ["meter_id"],
        unique=False,
        sqlite_where=matches,
        postgresql_where=matches,
    )
