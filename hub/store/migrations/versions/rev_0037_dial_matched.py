"""When a look at a meter's dial matched, with the meter: what still waits for one is found by an index.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Take over what the looks came to."""
    op.add_column("meter", sa.Column("dial_matched_at", _whole(), nullable=True))
    op.execute(
        "UPDATE meter SET dial_matched_at = (SELECT min(looked_at) FROM commissioning "
        "WHERE commissioning.meter_id = meter.id AND verdict = 'matches')"
    )
    op.drop_index("commissioning_matching", "commissioning")
    waits = sa.text("read_until IS NULL AND dial_matched_at IS NULL")
    op.create_index("meter_unmatched", "meter", ["id"], unique=False, sqlite_where=waits, postgresql_where=waits)
