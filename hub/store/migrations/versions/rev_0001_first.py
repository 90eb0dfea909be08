"""The first schema: registry, custody, derived readings, states and changes.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    _make_registry()
    _make_custody()
    _make_registers()
    _make_readings()
    _make_journals()


def _make_registry() -> None:
    op.create_table(
        "device",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("registered_at", _whole(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "signing_key",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("spki", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("device", "id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "unknown_device",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("first_seen_at", _whole(), nullable=False),
        sa.Column("last_seen_at", _whole(), nullable=False),
        sa.Column("messages", _whole(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "system",
        sa.Column("pts_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("capacity_kw_dc", sa.Text(), nullable=False),
        sa.Column("registered_at", _whole(), nullable=False),
        sa.PrimaryKeyConstraint("pts_id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "meter",
        sa.Column("id", _whole(), autoincrement=True, nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("make", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("registered_at", _whole(), nullable=False),
        sa.Column("read_until", _whole(), nullable=True),
        sa.ForeignKeyConstraint(["system"], ["system.pts_id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("serial", "make", name="meter_once"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(op.f("ix_meter_system"), "meter", ["system"], unique=False)
    op.create_table(
        "meter_device",
        sa.Column("meter_id", _whole(), nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("registered_at", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.id"]),
        sa.PrimaryKeyConstraint("meter_id", "device"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "hub",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("timeline", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _whole(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )


def _make_custody() -> None:
    op.create_table(
        "stream",
        sa.Column("id", _whole(), autoincrement=True, nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=False),
        sa.Column("committed", _whole(), nullable=False),
        sa.Column("safe", _whole(), nullable=False),
        sa.Column("committed_hash", sa.LargeBinary(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("code_seq", _whole(), nullable=False),
        sa.Column("started_at", _whole(), nullable=False),
        sa.Column("block_at", _whole(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("device", "epoch", name="stream_once"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "block",
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("seq", _whole(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", _whole(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint("stream_id", "seq"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index(
        "block_not_ok", "block", ["stream_id", "seq"], unique=False, sqlite_where=sa.text("verdict != 'ok'")
    )
    op.create_table(
        "block_aside",
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("seq", _whole(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", _whole(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint("stream_id", "seq", "sha256"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "underived",
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("seq", _whole(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("descriptor", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id", "seq"], ["block.stream_id", "block.seq"]),
        sa.PrimaryKeyConstraint("stream_id", "seq", "reason"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )


def _make_registers() -> None:
    op.create_table(
        "register",
        sa.Column("id", _whole(), autoincrement=True, nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("make", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("obis", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("seen_at", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("device", "serial", "make", "model", "obis", "slot", name="register_once"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "register_scale",
        sa.Column("id", _whole(), autoincrement=True, nullable=False),
        sa.Column("register_id", _whole(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("exponent", sa.Integer(), nullable=False),
        sa.Column("width_bits", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sign", sa.Integer(), nullable=False),
        sa.Column("rollover_counts", sa.Text(), nullable=False),
        sa.Column("ratio_numerator", _whole(), nullable=False),
        sa.Column("ratio_denominator", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["register_id"], ["register.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "register_id",
            "unit",
            "exponent",
            "width_bits",
            "kind",
            "sign",
            "rollover_counts",
            "ratio_numerator",
            "ratio_denominator",
            name="register_scale_once",
        ),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "descriptor",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("meter_index", sa.Integer(), nullable=False),
        sa.Column("make", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("firmware", sa.Text(), nullable=False),
        sa.Column("bus", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("seq", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint("device", "id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "descriptor_register",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("descriptor", sa.LargeBinary(), nullable=False),
        sa.Column("rid", sa.Integer(), nullable=False),
        sa.Column("register_id", _whole(), nullable=False),
        sa.Column("scale_id", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["device", "descriptor"], ["descriptor.device", "descriptor.id"]),
        sa.ForeignKeyConstraint(["register_id"], ["register.id"]),
        sa.ForeignKeyConstraint(["scale_id"], ["register_scale.id"]),
        sa.PrimaryKeyConstraint("device", "descriptor", "rid"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )


def _make_readings() -> None:
    op.create_table(
        "reading",
        sa.Column("register_id", _whole(), nullable=False),
        sa.Column("read_at", _whole(), nullable=False),
        sa.Column("boot_id", sa.LargeBinary(), nullable=False),
        sa.Column("boottime_ms", _whole(), nullable=False),
        sa.Column("raw", _whole(), nullable=False),
        sa.Column("register_wh", _whole(), nullable=True),
        sa.Column("scale_id", _whole(), nullable=False),
        sa.Column("time_quality", sa.Integer(), nullable=False),
        sa.Column("poll_status", _whole(), nullable=False),
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("seq", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["register_id"], ["register.id"]),
        sa.ForeignKeyConstraint(["scale_id"], ["register_scale.id"]),
        sa.PrimaryKeyConstraint("register_id", "read_at", "boot_id", "boottime_ms"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "reading_unconverted",
        "reading",
        ["register_id", "scale_id"],
        unique=False,
        sqlite_where=sa.text("register_wh IS NULL"),
    )
    op.create_table(
        "reading_conflict",
        sa.Column("register_id", _whole(), nullable=False),
        sa.Column("read_at", _whole(), nullable=False),
        sa.Column("boot_id", sa.LargeBinary(), nullable=False),
        sa.Column("boottime_ms", _whole(), nullable=False),
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("seq", _whole(), nullable=False),
        sa.Column("raw", _whole(), nullable=False),
        sa.Column("register_wh", _whole(), nullable=True),
        sa.Column("scale_id", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["register_id"], ["register.id"]),
        sa.ForeignKeyConstraint(["scale_id"], ["register_scale.id"]),
        sa.PrimaryKeyConstraint("register_id", "read_at", "boot_id", "boottime_ms", "stream_id", "seq"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "register_drop",
        sa.Column("register_id", _whole(), nullable=False),
        sa.Column("read_at", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["register_id"], ["register.id"]),
        sa.PrimaryKeyConstraint("register_id", "read_at"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )


def _make_journals() -> None:
    op.create_table(
        "gap",
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("record", _whole(), nullable=False),
        sa.Column("meter_index", sa.Integer(), nullable=False),
        sa.Column("from_at", _whole(), nullable=False),
        sa.Column("to_at", _whole(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint("stream_id", "record"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "poll_error",
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("record", _whole(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("meter_index", sa.Integer(), nullable=False),
        sa.Column("from_at", _whole(), nullable=False),
        sa.Column("to_at", _whole(), nullable=False),
        sa.Column("polls", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint("stream_id", "record", "cause"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "clock_event",
        sa.Column("stream_id", _whole(), nullable=False),
        sa.Column("record", _whole(), nullable=False),
        sa.Column("boottime_ms", _whole(), nullable=False),
        sa.Column("old_offset_ms", _whole(), nullable=False),
        sa.Column("new_offset_ms", _whole(), nullable=False),
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("error_ms", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"]),
        sa.PrimaryKeyConstraint("stream_id", "record"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "device_state",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("online", sa.Integer(), nullable=False),
        sa.Column("session", sa.LargeBinary(), nullable=False),
        sa.Column("heard_at", _whole(), nullable=False),
        sa.Column("changed_at", _whole(), nullable=False),
        sa.Column("epoch", sa.LargeBinary(), nullable=True),
        sa.Column("head", _whole(), nullable=False),
        sa.Column("committed", _whole(), nullable=False),
        sa.Column("safe", _whole(), nullable=False),
        sa.Column("floor", _whole(), nullable=False),
        sa.Column("device_at", _whole(), nullable=True),
        sa.Column("time_quality", sa.Integer(), nullable=True),
        sa.Column("agent_version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("device"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "change",
        sa.Column("number", _whole(), autoincrement=True, nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("changed_at", _whole(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
