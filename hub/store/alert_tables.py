"""Alerts: episodes of rules, what people said of them, and what the rules compare with."""

from sqlalchemy import Column, ForeignKey, Index, Table, Text, and_

from hub.store.schema import Whole, metadata

alert = Table(
    "alert",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("code", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("since_at", Whole, nullable=False),
    Column("true_at", Whole, nullable=False),
    Column("fired_at", Whole),
    Column("ended_at", Whole),
    Index("ix_alert_ended_at", "ended_at", "number"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)

IS_OPEN = alert.c.ended_at.is_(None)
FIRES = and_(IS_OPEN, alert.c.fired_at.is_not(None))
"""That an episode has held for long enough and is not over, whatever people said of it."""
Index("alert_open", alert.c.code, alert.c.severity, alert.c.fired_at, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)

alert_acknowledgement = Table(
    "alert_acknowledgement",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("alert", Whole, ForeignKey("alert.number"), nullable=False, index=True),
    Column("until_at", Whole, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)

alert_silence = Table(
    "alert_silence",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    # Empty for any rule, and for any subject.
    Column("code", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("until_at", Whole, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    Index("ix_alert_silence_until_at", "until_at"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)

alert_threshold = Table(
    "alert_threshold",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("threshold", Text, nullable=False),
    # Null for the default.
    Column("value", Whole),
    Column("from_at", Whole, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    Index("ix_alert_threshold_threshold", "threshold", "number"),
    sqlite_strict=True,
    sqlite_with_rowid=True,
)
