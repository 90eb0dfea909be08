"""The tables. Evidence (`block`, `block_aside`) is never changed; everything under `register` is derived from it.

Instants (`*_at`) are UTC ms, energy (`*_wh`) whole Wh, identities raw bytes. Raw counts are unsigned 64-bit patterns
kept as signed 64-bit integers (`hub.store.patterns`). Keys begin with what a larger hub would be split by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem

Whole = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer on every engine; SQLite's STRICT tables know it as INTEGER."""

metadata = MetaData()


def _table(name: str, *parts: SchemaItem, clustered: bool = False) -> Table:
    """Return a STRICT table; `clustered` keeps its rows in the primary key itself."""
    return Table(name, metadata, *parts, sqlite_strict=True, sqlite_with_rowid=not clustered)


hub = _table(
    "hub",
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True),
    Column("timeline", LargeBinary, nullable=False),
    Column("created_at", Whole, nullable=False),
)

device = _table(
    "device",
    Column("id", LargeBinary, primary_key=True),
    Column("name", Text, nullable=False),
    Column("registered_at", Whole, nullable=False),
)

Index("device_by_name", device.c.name, device.c.id)
Index("device_by_registration", device.c.registered_at, device.c.id)

signing_key = _table(
    "signing_key",
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("id", LargeBinary, primary_key=True),
    Column("spki", LargeBinary, nullable=False),
    Column("registered_at", Whole, nullable=False),
    # The sealed key statement by which it was learned; none for the enrolment key, which a person registered.
    Column("statement", LargeBinary),
)

unknown_device = _table(
    "unknown_device",
    Column("id", LargeBinary, primary_key=True),
    Column("first_seen_at", Whole, nullable=False),
    Column("last_seen_at", Whole, nullable=False),
    Column("messages", Whole, nullable=False),
)

system = _table(
    "system",
    Column("pts_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("capacity_kw_dc", Text, nullable=False),
    Column("registered_at", Whole, nullable=False),
)

meter = _table(
    "meter",
    Column("id", Whole, primary_key=True, autoincrement=True),
    Column("system", Text, ForeignKey("system.pts_id"), nullable=False, index=True),
    Column("serial", Text, nullable=False),
    Column("make", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("registered_at", Whole, nullable=False),
    Column("read_until", Whole),
    # Of the look at its dial that matched, so that what waits for one is found without asking for every meter's looks.
    Column("dial_matched_at", Whole),
    UniqueConstraint("serial", "make", name="meter_once"),
)
IS_UNMATCHED = meter.c.read_until.is_(None) & meter.c.dial_matched_at.is_(None)
"""That a meter is read on and its dial was not found to match yet."""
Index("meter_unmatched", meter.c.id, sqlite_where=IS_UNMATCHED, postgresql_where=IS_UNMATCHED)

meter_device = _table(
    "meter_device",
    Column("meter_id", Whole, ForeignKey("meter.id"), primary_key=True),
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("registered_at", Whole, nullable=False),
)

stream = _table(
    "stream",
    Column("id", Whole, primary_key=True, autoincrement=True),
    Column("device", LargeBinary, ForeignKey("device.id"), nullable=False),
    Column("epoch", LargeBinary, nullable=False),
    Column("committed", Whole, nullable=False),
    Column("safe", Whole, nullable=False),
    Column("committed_hash", LargeBinary, nullable=False),
    Column("code", Integer, nullable=False),
    Column("code_seq", Whole, nullable=False),
    Column("started_at", Whole, nullable=False),
    Column("block_at", Whole),
    # When its genesis was sealed, by the device's own clock where somebody vouched for that.
    Column("begun_at", Whole),
    # From which seq on its blocks of unknown key are to be judged again, if they are.
    Column("judge_from", Whole),
    UniqueConstraint("device", "epoch", name="stream_once"),
)
Index("stream_to_judge", stream.c.device, sqlite_where=stream.c.judge_from.is_not(None))

block = _table(
    "block",
    Column("stream_id", Whole, ForeignKey("stream.id"), primary_key=True),
    Column("seq", Whole, primary_key=True),
    Column("sha256", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("received_at", Whole, nullable=False),
    Column("verdict", Text, nullable=False),
    # Last, so that SQLite need not follow the pages of a long value to what stands after it.
    Column("bytes", LargeBinary, nullable=False),
)
Index("block_not_ok", block.c.stream_id, block.c.seq, sqlite_where=block.c.verdict != "ok")

block_aside = _table(
    "block_aside",
    Column("stream_id", Whole, ForeignKey("stream.id"), primary_key=True),
    Column("seq", Whole, primary_key=True),
    Column("sha256", LargeBinary, primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
    Column("received_at", Whole, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

underived = _table(
    "underived",
    Column("stream_id", Whole, primary_key=True),
    Column("seq", Whole, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("descriptor", LargeBinary, nullable=False),
    ForeignKeyConstraint(["stream_id", "seq"], ["block.stream_id", "block.seq"]),
)

register = _table(
    "register",
    Column("id", Whole, primary_key=True, autoincrement=True),
    Column("device", LargeBinary, ForeignKey("device.id"), nullable=False),
    Column("serial", Text, nullable=False),
    Column("make", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("obis", Text, nullable=False),
    Column("slot", Integer, nullable=False),
    Column("seen_at", Whole, nullable=False),
    UniqueConstraint("device", "serial", "make", "model", "obis", "slot", name="register_once"),
)

register_scale = _table(
    "register_scale",
    Column("id", Whole, primary_key=True, autoincrement=True),
    Column("register_id", Whole, ForeignKey("register.id"), nullable=False),
    Column("unit", Text, nullable=False),
    Column("exponent", Integer, nullable=False),
    Column("width_bits", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sign", Integer, nullable=False),
    Column("rollover_counts", Text, nullable=False),
    Column("ratio_numerator", Whole, nullable=False),
    Column("ratio_denominator", Whole, nullable=False),
    UniqueConstraint(
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
)

descriptor = _table(
    "descriptor",
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("id", LargeBinary, primary_key=True),
    Column("meter_index", Integer, nullable=False),
    Column("make", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("firmware", Text, nullable=False),
    Column("bus", Text, nullable=False),
    Column("unit_id", Integer, nullable=False),
    Column("stream_id", Whole, ForeignKey("stream.id"), nullable=False),
    Column("seq", Whole, nullable=False),
)

descriptor_register = _table(
    "descriptor_register",
    Column("device", LargeBinary, primary_key=True),
    Column("descriptor", LargeBinary, primary_key=True),
    Column("rid", Integer, primary_key=True),
    Column("register_id", Whole, ForeignKey("register.id"), nullable=False),
    Column("scale_id", Whole, ForeignKey("register_scale.id"), nullable=False),
    ForeignKeyConstraint(["device", "descriptor"], ["descriptor.device", "descriptor.id"]),
)

reading = _table(
    "reading",
    Column("register_id", Whole, ForeignKey("register.id"), primary_key=True),
    Column("read_at", Whole, primary_key=True),
    Column("boot_id", LargeBinary, primary_key=True),
    Column("boottime_ms", Whole, primary_key=True),
    Column("raw", Whole, nullable=False),
    Column("register_wh", Whole),
    Column("scale_id", Whole, ForeignKey("register_scale.id"), nullable=False),
    Column("time_quality", Integer, nullable=False),
    Column("poll_status", Whole, nullable=False),
    Column("stream_id", Whole, nullable=False),
    Column("seq", Whole, nullable=False),
    clustered=True,
)
_doubtful = reading.c.time_quality <= 1
Index(
    "reading_doubtful",
    # By boot alone: given a register as well, SQLite would rather walk all readings of it.
    reading.c.boot_id,
    sqlite_where=_doubtful,
    postgresql_where=_doubtful,
)
Index("reading_unconverted", reading.c.register_id, reading.c.scale_id, sqlite_where=reading.c.register_wh.is_(None))

reading_conflict = _table(
    "reading_conflict",
    Column("register_id", Whole, ForeignKey("register.id"), primary_key=True),
    Column("read_at", Whole, primary_key=True),
    Column("boot_id", LargeBinary, primary_key=True),
    Column("boottime_ms", Whole, primary_key=True),
    Column("stream_id", Whole, primary_key=True),
    Column("seq", Whole, primary_key=True),
    Column("raw", Whole, nullable=False),
    Column("register_wh", Whole),
    Column("scale_id", Whole, ForeignKey("register_scale.id"), nullable=False),
)

register_drop = _table(
    "register_drop",
    Column("register_id", Whole, ForeignKey("register.id"), primary_key=True),
    Column("read_at", Whole, primary_key=True),
)

# Wall minus boottime of a boot, as it was first known from a synchronised clock: holds for the boot from its beginning.
boot_clock = _table(
    "boot_clock",
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("boot_id", LargeBinary, primary_key=True),
    Column("offset_ms", Whole, nullable=False),
)

instance = _table(
    "instance",
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("id", LargeBinary, primary_key=True),
    Column("first_heard_at", Whole, nullable=False),
    # Which of a device's instances spoke last: the highest number.
    Column("turn", Whole, nullable=False),
)

contest = _table(
    "contest",
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("device", LargeBinary, ForeignKey("device.id"), nullable=False),
    Column("begun_at", Whole, nullable=False),
    Column("reason", Text, nullable=False),
    Column("resolved_at", Whole),
)
_open = contest.c.resolved_at.is_(None)
Index("contest_open", contest.c.device, unique=True, sqlite_where=_open, postgresql_where=_open)

device_state = _table(
    "device_state",
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("online", Integer, nullable=False),
    Column("session", LargeBinary, nullable=False),
    Column("heard_at", Whole, nullable=False),
    Column("changed_at", Whole, nullable=False),
    Column("epoch", LargeBinary),
    Column("head", Whole, nullable=False),
    Column("committed", Whole, nullable=False),
    Column("safe", Whole, nullable=False),
    Column("floor", Whole, nullable=False),
    Column("device_at", Whole),
    Column("time_quality", Integer),
    Column("agent_version", Text, nullable=False),
    Column("cadence_ms", Whole),
    Column("unset_since", Whole),
)

change = _table(
    "change",
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("subject_kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("changed_at", Whole, nullable=False),
)

backup = _table(
    "backup",
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("made_at", Whole, nullable=False),
    Column("verified_at", Whole, nullable=False),
    Column("path", Text, nullable=False),
    Column("timeline", LargeBinary, nullable=False),
    Column("blocks", Whole, nullable=False),
    Column("readings", Whole, nullable=False),
)

restore = _table(
    "restore",
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("restored_at", Whole, nullable=False),
    Column("path", Text, nullable=False),
    Column("made_at", Whole, nullable=False),
    Column("timeline_before", LargeBinary, nullable=False),
    Column("timeline", LargeBinary, nullable=False),
)

restore_drill = _table(
    "restore_drill",
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("drilled_at", Whole, nullable=False),
    Column("path", Text, nullable=False),
    Column("made_at", Whole, nullable=False),
    Column("blocks", Whole, nullable=False),
    Column("readings", Whole, nullable=False),
)

command = _table(
    "command",
    Column("device", LargeBinary, ForeignKey("device.id"), primary_key=True),
    Column("number", Whole, primary_key=True),
    Column("id", LargeBinary, nullable=False),
    Column("operation", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("issued_at", Whole, nullable=False),
    Column("ttl_seconds", Whole, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    # How far its delivery has come: the only columns here that ever change.
    Column("sends", Integer, nullable=False),
    Column("sent_at", Whole),
    Column("sent_session", LargeBinary, nullable=False),
    Column("closed_at", Whole),
    Column("withdrawn_at", Whole),
    # The act on many devices that it is part of.
    Column("bulk", Whole),
)
Index("command_of_bulk", command.c.bulk, command.c.device, command.c.number)
Index("command_open", command.c.device, command.c.number, sqlite_where=command.c.closed_at.is_(None))

command_answer = _table(
    "command_answer",
    Column("device", LargeBinary, primary_key=True),
    Column("number", Whole, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("answered_at", Whole, nullable=False),
    Column("status", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("config_version", Whole),
    Column("bytes", LargeBinary),
    ForeignKeyConstraint(["device", "number"], ["command.device", "command.number"]),
)
