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
