"""The ledger: accepted readings, submissions, decisions, months.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the ledger's tables, empty."""
    op.create_table(
        "month_run",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("run_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("ledger_until", _whole(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(op.f("ix_month_run_month"), "month_run", ["month"], unique=False)
    op.create_table(
        "experience",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("recorded_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("service_cost_cents", _whole(), nullable=False),
        sa.Column("outage_hours", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["system"],
            ["system.pts_id"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("experience_by_system", "experience", ["system", "month"], unique=False)
    op.create_table(
        "finding_review",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("decided_at", _whole(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["system"],
            ["system.pts_id"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("finding_review_by_month", "finding_review", ["month", "system"], unique=False)
    op.create_table(
        "month_result",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("run", _whole(), nullable=False),
        sa.Column("systems", _whole(), nullable=False),
        sa.Column("reported", _whole(), nullable=False),
        sa.Column("partial", _whole(), nullable=False),
        sa.Column("estimated", _whole(), nullable=False),
        sa.Column("missing", _whole(), nullable=False),
        sa.Column("production_wh", _whole(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["month_run.number"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("run"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "system_month",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("run", _whole(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("production_wh", _whole(), nullable=True),
        sa.Column("is_true_up", sa.Integer(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"],
            ["month_run.number"],
        ),
        sa.ForeignKeyConstraint(
            ["system"],
            ["system.pts_id"],
        ),
        sa.PrimaryKeyConstraint("system", "month", "version"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_system_month_run"), "system_month", ["run"], unique=False)
    op.create_index("system_month_by_month", "system_month", ["month", "system"], unique=False)
    op.create_table(
        "accepted_reading",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("meter_id", _whole(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("read_at", _whole(), nullable=False),
        sa.Column("register_wh", _whole(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("accepted_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reading", sa.Text(), nullable=True),
        sa.Column("replaces", _whole(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meter_id"],
            ["meter.id"],
        ),
        sa.ForeignKeyConstraint(
            ["replaces"],
            ["accepted_reading.number"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("meter_id", "month", "version", name="accepted_reading_once"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "submission",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("meter_id", _whole(), nullable=True),
        sa.Column("month", sa.Text(), nullable=True),
        sa.Column("read_at", _whole(), nullable=False),
        sa.Column("register_wh", _whole(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("submitted_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("photo", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("accepted", _whole(), nullable=True),
        sa.ForeignKeyConstraint(
            ["accepted"],
            ["accepted_reading.number"],
        ),
        sa.ForeignKeyConstraint(
            ["meter_id"],
            ["meter.id"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("submission_by_meter", "submission", ["meter_id", "month"], unique=False)
    op.create_index("submission_by_outcome", "submission", ["outcome", "number"], unique=False)
    op.create_table(
        "submission_decision",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("submission", _whole(), nullable=False),
        sa.Column("decided_at", _whole(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("approved", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("accepted", _whole(), nullable=True),
        sa.ForeignKeyConstraint(
            ["accepted"],
            ["accepted_reading.number"],
        ),
        sa.ForeignKeyConstraint(
            ["submission"],
            ["submission.number"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("submission"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
