"""The tables of what was forwarded to MassCEC, see `hub.store.forwards`; as in `hub.store.schema`.

A call is kept before it is made, its answer after: a call without an answer may or may not have been taken.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from hub.store.schema import Whole, metadata

forward_call = Table(
    "forward_call",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("month", Text, nullable=False, index=True),
    # The interface and its address, as people are told.
    Column("door", Text, nullable=False),
    Column("is_test", Integer, nullable=False),
    Column("sent_at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    # As it was sent, but for what is secret.
    Column("request", Text, nullable=False),
    sqlite_strict=True,
)

forward_item = Table(
    "forward_item",
    metadata,
    Column("call", Whole, ForeignKey("forward_call.number"), primary_key=True),
    Column("system", Text, ForeignKey("system.pts_id"), primary_key=True),
    Column("meter_id", Whole, ForeignKey("meter.id"), nullable=False),
    Column("register_wh", Whole, nullable=False),
    Column("read_at", Whole, nullable=False),
    Column("service_cost_cents", Whole),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("forward_item_by_system", forward_item.c.system, forward_item.c.call)

forward_answer = Table(
    "forward_answer",
    metadata,
    Column("call", Whole, ForeignKey("forward_call.number"), primary_key=True),
    Column("answered_at", Whole, nullable=False),
    # Of HTTP; None where no answer came.
    Column("status", Integer),
    Column("body", Text, nullable=False),
    sqlite_strict=True,
)

# What became of a system's reading, by the answer or by the word of a person; the last one counts.
forward_verdict = Table(
    "forward_verdict",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("call", Whole, nullable=False),
    Column("system", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("said_at", Whole, nullable=False),
    Column("said_by", Text, nullable=False),
    sqlite_strict=True,
)
Index("forward_verdict_by_item", forward_verdict.c.call, forward_verdict.c.system)

# MassCEC began the register of a system anew, after an exchange: calls up to this one bound it no more.
forward_anew = Table(
    "forward_anew",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("system", Text, ForeignKey("system.pts_id"), nullable=False, index=True),
    Column("after_call", Whole, nullable=False),
    Column("said_at", Whole, nullable=False),
    Column("said_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_strict=True,
)
