"""Signing in: passwords, second factors, sessions, links and failures.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "sign_in_failure",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("failed_at", _whole(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_sign_in_failure_account", "sign_in_failure", ["account"], unique=False)
    op.create_index("ix_sign_in_failure_address", "sign_in_failure", ["address"], unique=False)
    op.create_table(
        "account_password",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("set_at", _whole(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.name"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index("ix_account_password_account", "account_password", ["account"], unique=False)
    op.create_table(
        "password_link",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("made_at", _whole(), nullable=False),
        sa.Column("expires_at", _whole(), nullable=False),
        sa.Column("used_at", _whole(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.name"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("sha256"),
        sqlite_strict=True,
    )
    op.create_index("ix_password_link_account", "password_link", ["account"], unique=False)
    op.create_table(
        "recovery_code",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("used_at", _whole(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.name"],
        ),
        sa.PrimaryKeyConstraint("sha256"),
        sqlite_strict=True,
    )
    op.create_index("ix_recovery_code_account", "recovery_code", ["account"], unique=False)
    op.create_table(
        "second_factor",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", _whole(), nullable=False),
        sa.Column("confirmed_at", _whole(), nullable=True),
        sa.Column("last_step", _whole(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.name"],
        ),
        sa.PrimaryKeyConstraint("account"),
        sqlite_strict=True,
    )
    op.create_table(
        "web_session",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("is_confirmed", sa.Integer(), nullable=False),
        sa.Column("begun_at", _whole(), nullable=False),
        sa.Column("seen_at", _whole(), nullable=False),
        sa.Column("ended_at", _whole(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.name"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("sha256"),
        sqlite_strict=True,
    )
    op.create_index("ix_web_session_account", "web_session", ["account"], unique=False)
