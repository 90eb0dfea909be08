"""Change requests, what was done with them, and which data acquisition providers are approved.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "change_request",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=False),
        sa.Column("contact_email", sa.Text(), nullable=False),
        sa.Column("wanted_at", _whole(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", _whole(), nullable=False),
        sa.ForeignKeyConstraint(
            ["system"],
            ["system.pts_id"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_change_request_system", "change_request", ["system"], unique=False)
    op.create_table(
        "provider_approval",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("approved", sa.Integer(), nullable=False),
        sa.Column("said_at", _whole(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.name"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_provider_approval_account", "provider_approval", ["account"], unique=False)
    op.create_table(
        "change_step",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("request", _whole(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("taken_at", _whole(), nullable=False),
        sa.Column("taken_by", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("counts_from", _whole(), nullable=True),
        sa.ForeignKeyConstraint(
            ["request"],
            ["change_request.number"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_change_step_request", "change_step", ["request"], unique=False)
