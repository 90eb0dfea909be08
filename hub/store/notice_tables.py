"""The tables of mail that the hub sends, see `hub.store.notices_outbox`; as in `hub.store.schema`.

Both are appended to and never changed: what became of a mail follows from the attempts to send it.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text, UniqueConstraint

from hub.store.schema import Whole, metadata

notice = Table(
    "notice",
    metadata,
    Column("id", Whole, primary_key=True, autoincrement=True),
    # The address in small letters: by it persons differ.
    Column("recipient", Text, nullable=False),
    Column("occasion", Text, nullable=False),
    Column("month", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("made_at", Whole, nullable=False),
    # From when on it would say what is not so any more.
    Column("useful_until", Whole, nullable=False),
    UniqueConstraint("recipient", "occasion", "month", name="notice_once"),
    sqlite_strict=True,
)
Index("notice_by_time", notice.c.made_at)

notice_attempt = Table(
    "notice_attempt",
    metadata,
    Column("id", Whole, primary_key=True, autoincrement=True),
    Column("notice_id", Whole, ForeignKey("notice.id"), nullable=False, index=True),
    Column("tried_at", Whole, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("answer", Text, nullable=False),
    sqlite_strict=True,
)
