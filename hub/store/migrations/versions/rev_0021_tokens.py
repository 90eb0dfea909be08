"""What a token may, what it is for, and when it was last used; and answers to requests that carry a key.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns and make the table, empty."""
    op.add_column("api_token", sa.Column("scope", sa.Text(), server_default="", nullable=False))
    op.add_column("api_token", sa.Column("label", sa.Text(), server_default="", nullable=False))
    op.add_column("api_token", sa.Column("used_at", _whole(), nullable=True))
    op.add_column("api_token", sa.Column("ended_at", _whole(), nullable=True))
    op.create_index("ix_api_token_account", "api_token", ["account"], unique=False)
    op.create_table(
        "api_answer",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("begun_at", _whole(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("caller", "key"),
        sqlite_strict=True,
    )
    op.create_index("ix_api_answer_begun_at", "api_answer", ["begun_at"], unique=False)
