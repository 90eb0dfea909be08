"""Where alerts are told, and what is on its way there: as in `hub.store.schema`."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text

from hub.store.schema import Whole, metadata

channel = Table(
    "channel",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("way", Text, nullable=False),
    Column("target", Text, nullable=False),
    # Sealed, see `hub.sealing`; empty where there is none.
    Column("secret", LargeBinary, nullable=False),
    Column("least", Text, nullable=False),
    Column("digest_ms", Whole, nullable=False),
    Column("has_heartbeat", Whole, nullable=False),
    Column("made_at", Whole, nullable=False),
    Column("made_by", Text, nullable=False),
    # Since when the hub does not try it any more, and since when nobody wants it.
    Column("failed_at", Whole),
    Column("ended_at", Whole),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)

alert_told = Table(
    "alert_told",
    metadata,
    Column("channel", Whole, ForeignKey("channel.number"), primary_key=True),
    Column("alert", Whole, ForeignKey("alert.number"), primary_key=True),
    # `firing`, and then `over`.
    Column("said", Text, primary_key=True),
    Column("told_at", Whole, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

dispatch = Table(
    "dispatch",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    # One of both: a channel, or an account that a link is sent to.
    Column("channel", Whole, ForeignKey("channel.number")),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # The message's id: one that is sent again keeps it.
    Column("event", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("made_at", Whole, nullable=False),
    Column("useful_until", Whole, nullable=False),
    # What the last attempt came to; null while there is none or it is tried again.
    Column("decided", Text),
    Index("ix_dispatch_waiting", "decided", "number"),
    Index("ix_dispatch_channel", "channel", "number"),
    Index("ix_dispatch_account", "account", "made_at"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)

dispatch_attempt = Table(
    "dispatch_attempt",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("dispatch", Whole, ForeignKey("dispatch.number"), nullable=False, index=True),
    Column("tried_at", Whole, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("answer", Text, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
