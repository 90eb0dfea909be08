"""Which alerts are not over, by rule and severity.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew."""
    is_open = sa.text("ended_at IS NULL")
    columns = ["code", "severity", "fired_at"]
    op.drop_index("alert_firing", table_name="alert")
    op.create_index("alert_open", "alert", columns, unique=False, sqlite_where=is_open, postgresql_where=is_open)
