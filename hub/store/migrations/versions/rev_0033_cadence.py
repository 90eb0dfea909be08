"""How often a device seals a block, and since when nobody keeps its clock right, by its own word.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns, empty: no device has said it yet."""
    for name in ("cadence_ms", "unset_since"):
        op.add_column("device_state", sa.Column(name, _whole(), nullable=True))
