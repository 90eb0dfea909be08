"""The tables of what devices state beside readings, see `hub.store.statements`; as in `hub.store.schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from hub.store.schema import Whole, metadata

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem


def _statement(name: str, *content: SchemaItem) -> Table:
    """Return a table of what devices state beside readings.

    A statement that is sealed again, in a later epoch, is the same statement: the key is what it says, and in which
    boot. `stream_id` and `record` name the place where it came first.
    """
    place = (
        Column("stream_id", Whole, ForeignKey("stream.id"), nullable=False),
        Column("record", Whole, nullable=False),
    )
    whose = (Column("device", LargeBinary, primary_key=True), Column("boot_id", LargeBinary, primary_key=True))
    return Table(name, metadata, *whose, *content, *place, sqlite_strict=True, sqlite_with_rowid=True)


gap = _statement(
    "gap",
    Column("meter_index", Integer, primary_key=True),
    Column("from_at", Whole, primary_key=True),
    Column("to_at", Whole, primary_key=True),
    Column("cause", Text, primary_key=True),
)

poll_error = _statement(
    "poll_error",
    Column("meter_index", Integer, primary_key=True),
    Column("from_at", Whole, primary_key=True),
    Column("to_at", Whole, primary_key=True),
    Column("cause", Text, primary_key=True),
    Column("polls", Whole, primary_key=True),
)
Index("poll_error_by_time", poll_error.c.to_at)
Index("poll_error_by_device", poll_error.c.device, poll_error.c.to_at)

clock_event = _statement(
    "clock_event",
    Column("boottime_ms", Whole, primary_key=True),
    Column("old_offset_ms", Whole, primary_key=True),
    Column("new_offset_ms", Whole, primary_key=True),
    Column("source", Integer, primary_key=True),
    Column("error_ms", Whole, primary_key=True),
)

command_event = _statement(
    "command_event",
    Column("number", Whole, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("config_hash", LargeBinary, primary_key=True),
    Column("sealed_at", Whole, nullable=False),
)

meter_event = _statement(
    "meter_event",
    Column("meter_index", Integer, primary_key=True),
    Column("at", Whole, primary_key=True),
    Column("kind", Text, primary_key=True),
    # -1 where it is about the whole meter.
    Column("rid", Integer, primary_key=True),
    Column("note", Text, primary_key=True),
    Column("before_at", Whole),
    Column("before_raw", Whole),
    Column("after_at", Whole),
    Column("after_raw", Whole),
    Column("was", Text, nullable=False),
    Column("now", Text, nullable=False),
)
Index("meter_event_by_time", *(meter_event.c[name] for name in ("device", "at", "stream_id", "record")))
