"""What each boot found to be the right time, so that readings from before it can be placed; those already held are.

Frozen as written: later changes are later revisions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_AGREES_MS_MAX = 1000
_PLACED = 16


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, fill it from synchronised readings, and place the readings of those boots."""
    op.create_table(
        "boot_clock",
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("boot_id", sa.LargeBinary(), nullable=False),
        sa.Column("offset_ms", _whole(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"]),
        sa.PrimaryKeyConstraint("device", "boot_id"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    doubtful = sa.text("time_quality <= 1")
    op.create_index(
        "reading_doubtful",
        "reading",
        ["register_id", "boot_id"],
        sqlite_where=doubtful,
        postgresql_where=doubtful,
    )
    op.execute(_FILL)
    op.execute(sa.text(_PLACE).bindparams(placed=_PLACED, agrees=_AGREES_MS_MAX))


_FILL = """
INSERT INTO boot_clock (device, boot_id, offset_ms)
SELECT register.device, reading.boot_id, min(reading.read_at - reading.boottime_ms)
FROM reading JOIN register ON register.id = reading.register_id
JOIN (
    SELECT register.device, reading.boot_id, min(reading.boottime_ms) AS boottime_ms
    FROM reading JOIN register ON register.id = reading.register_id
    WHERE reading.time_quality >= 2 GROUP BY register.device, reading.boot_id
) AS earliest ON earliest.device = register.device AND earliest.boot_id = reading.boot_id
    AND earliest.boottime_ms = reading.boottime_ms
WHERE reading.time_quality >= 2 GROUP BY register.device, reading.boot_id
"""

_PLACE = """
INSERT INTO reading (
    register_id, read_at, boot_id, boottime_ms, raw, register_wh, scale_id, time_quality, poll_status, stream_id, seq
)
SELECT reading.register_id, reading.boottime_ms + boot_clock.offset_ms, reading.boot_id, reading.boottime_ms,
    reading.raw, reading.register_wh, reading.scale_id, reading.time_quality, reading.poll_status | :placed,
    reading.stream_id, reading.seq
FROM reading JOIN register ON register.id = reading.register_id
JOIN boot_clock ON boot_clock.device = register.device AND boot_clock.boot_id = reading.boot_id
WHERE reading.time_quality <= 1
    AND abs(reading.read_at - reading.boottime_ms - boot_clock.offset_ms) > :agrees
"""
