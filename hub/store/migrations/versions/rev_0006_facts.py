"""What is known of systems and meters, dated and never overwritten; filled with what was known before.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ROWS_AT_ONCE = 1000


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _number() -> sa.Column[int]:
    return sa.Column("number", _whole(), autoincrement=True, nullable=False)


def _reason_and_who() -> tuple[sa.Column[str], sa.Column[int], sa.Column[str]]:
    return (
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", _whole(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
    )


def upgrade() -> None:
    """Make the tables, and the first version of every system and meter."""
    _make_system_tables()
    _make_meter_tables()
    _make_exchange_tables()
    connection = op.get_bind()
    _fill_systems(connection)
    connection.execute(sa.text(_FILL_METERS))


def _make_system_tables() -> None:
    op.create_table(
        "system_version",
        _number(),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Text(), nullable=False),
        sa.Column("technology", sa.Text(), nullable=False),
        sa.Column("capacity_w_dc", _whole(), nullable=False),
        sa.Column("capacity_w_ac", _whole(), nullable=True),
        sa.Column("in_service_on", sa.Text(), nullable=True),
        sa.Column("annual_wh_estimated", _whole(), nullable=True),
        sa.Column("gis_asset", sa.Text(), nullable=False),
        sa.Column("reporting_mode", sa.Text(), nullable=False),
        sa.Column("is_funded", sa.Integer(), nullable=False),
        sa.Column("latitude_microdegrees", sa.Integer(), nullable=True),
        sa.Column("longitude_microdegrees", sa.Integer(), nullable=True),
        sa.Column("tilt_degrees", sa.Integer(), nullable=True),
        sa.Column("azimuth_degrees", sa.Integer(), nullable=True),
        sa.Column("zip_code", sa.Text(), nullable=False),
        sa.Column("town", sa.Text(), nullable=False),
        *_reason_and_who(),
        sa.ForeignKeyConstraint(["system"], ["system.pts_id"]),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("system_version_effective", "system_version", ["system", "effective_on", "number"])
    op.create_table(
        "system_programme",
        _number(),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Text(), nullable=False),
        sa.Column("until_on", sa.Text(), nullable=True),
        sa.Column("factor_percent", sa.Integer(), nullable=False),
        *_reason_and_who(),
        sa.ForeignKeyConstraint(["system"], ["system.pts_id"]),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("system_programme_from", "system_programme", ["system", "from_on", "number"])


def _make_meter_tables() -> None:
    op.create_table(
        "meter_version",
        _number(),
        sa.Column("meter", _whole(), nullable=False),
        sa.Column("accuracy_class_ppm", sa.Integer(), nullable=True),
        sa.Column("ansi_standard", sa.Text(), nullable=False),
        sa.Column("ct_ratio", sa.Text(), nullable=False),
        sa.Column("ct_class_ppm", sa.Integer(), nullable=True),
        sa.Column("tested_on", sa.Text(), nullable=True),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.Column("initial_wh", _whole(), nullable=True),
        sa.Column("initial_at", _whole(), nullable=True),
        sa.Column("final_wh", _whole(), nullable=True),
        sa.Column("ended_at", _whole(), nullable=True),
        sa.Column("modulus_wh", _whole(), nullable=True),
        sa.Column("is_revenue_grade", sa.Integer(), nullable=False),
        sa.Column("is_das", sa.Integer(), nullable=False),
        *_reason_and_who(),
        sa.ForeignKeyConstraint(["meter"], ["meter.id"]),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("meter_version_newest", "meter_version", ["meter", "number"])


def _make_exchange_tables() -> None:
    op.create_table(
        "meter_exchange",
        _number(),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("old_meter", _whole(), nullable=False),
        sa.Column("new_serial", sa.Text(), nullable=False),
        sa.Column("new_make", sa.Text(), nullable=False),
        sa.Column("new_model", sa.Text(), nullable=False),
        sa.Column("at", _whole(), nullable=False),
        sa.Column("final_wh", _whole(), nullable=False),
        sa.Column("initial_wh", _whole(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["system"], ["system.pts_id"]),
        sa.ForeignKeyConstraint(["old_meter"], ["meter.id"]),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("ix_meter_exchange_system", "meter_exchange", ["system"])
    op.create_table(
        "meter_exchange_decision",
        sa.Column("exchange", _whole(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", _whole(), nullable=False),
        sa.Column("approved", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("new_meter", _whole(), nullable=True),
        sa.ForeignKeyConstraint(["exchange"], ["meter_exchange.number"]),
        sa.ForeignKeyConstraint(["new_meter"], ["meter.id"]),
        sa.PrimaryKeyConstraint("exchange"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )


def _fill_systems(connection: sa.Connection) -> None:
    """Let what is registered hold from the first day that there can be; a nameplate is rounded up to whole watts."""
    some = sa.text(
        "SELECT pts_id, capacity_kw_dc, registered_at FROM system WHERE pts_id > :after ORDER BY pts_id LIMIT :number"
    )
    after = ""
    while rows := connection.execute(some, {"after": after, "number": _ROWS_AT_ONCE}).all():
        connection.execute(sa.text(_FILL_SYSTEM), [_first_version(*row) for row in rows])
        after = rows[-1].pts_id


def _first_version(system: str, capacity_kw_dc: str, registered_at: int) -> dict[str, object]:
    watts = (Decimal(capacity_kw_dc) * 1000).to_integral_value(ROUND_CEILING)
    return {"system": system, "capacity_w_dc": int(watts), "recorded_at": registered_at}


_FILL_SYSTEM = """
INSERT INTO system_version (
    system, effective_on, technology, capacity_w_dc, gis_asset, reporting_mode, is_funded, zip_code, town, reason,
    recorded_at, actor
) VALUES (:system, '1970-01-01', 'pv', :capacity_w_dc, '', 'automatic', 0, '', '', '', :recorded_at, '')
"""

_FILL_METERS = """
INSERT INTO meter_version (
    meter, ansi_standard, ct_ratio, seal, ended_at, is_revenue_grade, is_das, reason, recorded_at, actor
) SELECT id, '', '', '', read_until, 1, 1, '', registered_at, '' FROM meter ORDER BY id
"""
