"""What each boot found to be the right time, so that readings from before it can be placed; those already held are.

Where registers went down is found anew for those of which a reading was placed or is doubted by its device.

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
_DOUBTED = 6


def _whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, fill it from synchronised readings and clock events, and place the readings of those boots."""
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
        ["boot_id"],
        sqlite_where=doubtful,
        postgresql_where=doubtful,
    )
    op.execute(_FILL)
    op.execute(_FILL_FROM_EVENTS)
    op.execute(sa.text(_PLACE).bindparams(placed=_PLACED, agrees=_AGREES_MS_MAX))
    op.execute(sa.text(_FORGET_DROPS).bindparams(placed=_PLACED, doubted=_DOUBTED))
    op.execute(sa.text(_FIND_DROPS).bindparams(placed=_PLACED, doubted=_DOUBTED, agrees=_AGREES_MS_MAX))


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

_FILL_FROM_EVENTS = """
INSERT INTO boot_clock (device, boot_id, offset_ms)
SELECT event.device, event.boot_id, min(event.new_offset_ms) FROM clock_event AS event
WHERE event.source IN (2, 4) AND NOT EXISTS (
    SELECT 1 FROM boot_clock WHERE boot_clock.device = event.device AND boot_clock.boot_id = event.boot_id
) AND event.boottime_ms = (
    SELECT min(earliest.boottime_ms) FROM clock_event AS earliest
    WHERE earliest.device = event.device AND earliest.boot_id = event.boot_id AND earliest.source IN (2, 4)
)
GROUP BY event.device, event.boot_id
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

_FORGET_DROPS = """
DELETE FROM register_drop WHERE register_id IN (
    SELECT register_id FROM reading WHERE poll_status & :placed <> 0 OR poll_status & :doubted <> 0
)
"""

_FIND_DROPS = """
INSERT INTO register_drop (register_id, read_at)
SELECT DISTINCT register_id, read_at FROM (
    SELECT reading.register_id, reading.read_at, reading.register_wh, lag(reading.register_wh) OVER (
        PARTITION BY reading.register_id ORDER BY reading.read_at, reading.boottime_ms, reading.boot_id
    ) AS before_wh
    FROM reading JOIN register ON register.id = reading.register_id
    JOIN block ON block.stream_id = reading.stream_id AND block.seq = reading.seq
    LEFT JOIN boot_clock ON boot_clock.device = register.device AND boot_clock.boot_id = reading.boot_id
    WHERE reading.register_id IN (
        SELECT register_id FROM reading WHERE poll_status & :placed <> 0 OR poll_status & :doubted <> 0
    )
    AND reading.register_wh IS NOT NULL AND reading.poll_status & :doubted = 0
    AND reading.read_at >= 946684800000 AND reading.read_at - block.received_at <= 86400000
    AND (
        reading.time_quality >= 2 OR reading.poll_status & :placed <> 0
        OR reading.time_quality = 1 AND boot_clock.offset_ms IS NULL
        OR abs(reading.read_at - reading.boottime_ms - boot_clock.offset_ms) <= :agrees
    )
) AS compared
WHERE register_wh < before_wh
"""
