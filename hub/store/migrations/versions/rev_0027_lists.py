"""Lists a page at a time: events of a device by time, months of which something is found, alerts that fire by rule.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indices."""
    op.create_index("meter_event_by_time", "meter_event", ["device", "at", "stream_id", "record"], unique=False)
    found = sa.text("findings != '[]'")
    op.create_index(
        "system_month_found", "system_month", ["month", "system"], sqlite_where=found, postgresql_where=found
    )
    fires = sa.text("ended_at IS NULL AND fired_at IS NOT NULL")
    op.create_index("alert_firing", "alert", ["code"], sqlite_where=fires, postgresql_where=fires)
