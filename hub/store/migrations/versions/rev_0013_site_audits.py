"""Audits on site, the corrections that follow from them, and the day of the raised limit of manual reporting.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, empty."""
    _make_audits()
    op.create_table(
        "manual_limit_day",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("raised_on", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )


def _make_audits() -> None:
    op.create_table(
        "site_audit",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("meter_id", _whole(), nullable=False),
        sa.Column("audited_at", _whole(), nullable=False),
        sa.Column("recorded_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("auditor", sa.Text(), nullable=False),
        sa.Column("register_wh", _whole(), nullable=False),
        sa.Column("register_typed", sa.Text(), nullable=False),
        sa.Column("photo", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reading", _whole(), nullable=False),
        sa.Column("reported_wh", _whole(), nullable=False),
        sa.Column("audited_wh", _whole(), nullable=False),
        sa.Column("between_wh", _whole(), nullable=False),
        sa.Column("deviation_ppm", sa.Integer(), nullable=False),
        sa.Column("is_within", sa.Integer(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.id"]),
        sa.ForeignKeyConstraint(["reading"], ["accepted_reading.number"]),
        sa.ForeignKeyConstraint(["system"], ["system.pts_id"]),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("site_audit_by_system", "site_audit", ["system", "number"], unique=False)
    op.create_index("site_audit_by_photo", "site_audit", ["photo"], unique=False)
    op.create_table(
        "submission_audit",
        sa.Column("submission", _whole(), nullable=False),
        sa.Column("audit", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["audit"], ["site_audit.number"]),
        sa.ForeignKeyConstraint(["submission"], ["submission.number"]),
        sa.PrimaryKeyConstraint("submission"),
        sqlite_strict=True,
    )
    op.create_index("ix_submission_audit_audit", "submission_audit", ["audit"], unique=False)
