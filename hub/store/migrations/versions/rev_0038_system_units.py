"""By what the systems of an asset are found: the digits of its id, whatever letters stand before them.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    digits = "ltrim(trim(gis_asset), 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ')"
    op.create_index("system_version_unit", "system_version", [sa.text(digits), "system"], unique=False)
