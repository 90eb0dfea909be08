"""What people say of devices in the field."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text

from hub.store.schema import Whole, metadata

device_word = Table(
    "device_word",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("device", LargeBinary, ForeignKey("device.id"), nullable=False),
    Column("word", Text, nullable=False),
    Column("until_at", Whole, nullable=True),
    Column("reason", Text, nullable=False),
    Column("recorded_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    Index("ix_device_word_device", "device", "number"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
"""Nothing is changed or deleted: the last word on a device counts."""

device_tag = Table(
    "device_tag",
    metadata,
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("tag", Text, primary_key=True),
    # The device's, which never changes: with it an index gives the devices of a tag in the order of the list.
    Column("name", Text, nullable=False),
    Index("device_tag_by_name", "tag", "name", "device"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

bulk = Table(
    "bulk",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("until_at", Whole),
    Column("tags", Text, nullable=False),
    Column("filter", Text, nullable=False),
    Column("devices", Whole, nullable=False),
    Column("left_out", Whole, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    # Whether somebody withdrew what had not been sent: the only columns that ever change, and once.
    Column("cancelled_at", Whole),
    Column("cancelled_by", Text),
    Column("cancel_reason", Text),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
"""What was done to all devices of a filter; the entry of the audit log has their ids."""

commissioning = Table(
    "commissioning",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("meter_id", Whole, ForeignKey("meter.id"), nullable=False),
    Column("looked_at", Whole, nullable=False),
    Column("dial_wh", Whole, nullable=False),
    Column("before_at", Whole, nullable=False),
    Column("before_wh", Whole, nullable=False),
    Column("after_at", Whole, nullable=False),
    Column("after_wh", Whole, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("recorded_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    Index("ix_commissioning_meter_id", "meter_id", "number"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
"""Every look at a dial that had a verdict; after one that matches there is no other."""

window_line = Table(
    "window_line",
    metadata,
    Column("system", Text, ForeignKey("system.pts_id"), primary_key=True),
    Column("month", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("capacity_w", Whole, nullable=False),
    Column("expected_wh", Whole, nullable=False),
    # With the nameplate, so that counting reads the index alone.
    Index("window_line_by_stake", "standing", "expected_wh", "system", "capacity_w"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
"""How each system stood towards the window of a month at the last look: redrawn, and nobody's evidence."""

window_look = Table(
    "window_look",
    metadata,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("month", Text, nullable=False),
    Column("looked_at", Whole, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
"""Of which month that is, and when somebody last looked: one row."""

missing_line = Table(
    "missing_line",
    metadata,
    Column("quarter", Text, primary_key=True),
    Column("system", Text, ForeignKey("system.pts_id"), primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""Which systems lacked a closed month of a quarter at the last look: redrawn, and nobody's evidence."""

missing_look = Table(
    "missing_look",
    metadata,
    Column("quarter", Text, primary_key=True),
    Column("months", Whole, nullable=False),
    Column("systems", Whole, nullable=False),
    Column("looked_at", Whole, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""When somebody last looked at a quarter, at how many months of it, and how many systems lacked one."""

device_machine = Table(
    "device_machine",
    metadata,
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("said_at", Whole, nullable=False),
    Column("numbers", Text, nullable=False),
    Column("boot_count", Whole, nullable=False),
    Column("starts", Text, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
"""What each device said last of its machine: its numbers by name, and its starts of the last day, in JSON."""

device_axes = Table(
    "device_axes",
    metadata,
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("meter", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("report", Text, nullable=False),
    # With the name, so that a list of those at a word goes on by the index, however many there are.
    *(Index(f"device_axes_by_{axis}", axis, "name", "device") for axis in ("link", "meter", "data", "report")),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
"""Where each device stood at the last look; not those that are decommissioned: redrawn, and nobody's evidence."""

link_change = Table(
    "link_change",
    metadata,
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("at", Whole, primary_key=True),
    Column("was", Text, nullable=False),
    Column("link", Text, nullable=False),
    Index("link_change_by_time", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
"""When a device came to be heard otherwise; kept for a quarter."""

fleet_hour = Table(
    "fleet_hour",
    metadata,
    Column("hour_at", Whole, primary_key=True, autoincrement=False),
    Column("looked_at", Whole, nullable=False),
    Column("in_service", Whole, nullable=False),
    Column("heard", Whole, nullable=False),
    Column("backlog", Whole, nullable=False),
    Column("blocks", Whole, nullable=False),
    Column("readings", Whole, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
"""The fleet as it was at the last look of each hour, and what came in the hour; none where nobody looked."""
