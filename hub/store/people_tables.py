"""The tables of people: accounts, what they are to systems, tokens, and the audit log; as in `hub.store.schema`.

Rows are added. What ends says when in a row of its own, so that what was true once can still be asked.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from hub.store.schema import Whole, metadata

account = Table(
    "account",
    metadata,
    Column("name", Text, primary_key=True),
    Column("full_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("created_at", Whole, nullable=False),
    Column("created_by", Text, nullable=False),
    # None while it may be used; when it was disabled before is in the audit log.
    Column("disabled_at", Whole),
    sqlite_strict=True,
)

relation = Table(
    "relation",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("account", Text, ForeignKey("account.name"), nullable=False),
    Column("role", Text, nullable=False),
    # None for a relation to every system.
    Column("system", Text, ForeignKey("system.pts_id")),
    Column("from_at", Whole, nullable=False),
    Column("given_at", Whole, nullable=False),
    Column("given_by", Text, nullable=False),
    sqlite_strict=True,
)
Index("relation_by_account", relation.c.account)
Index("relation_by_system", relation.c.system)

relation_end = Table(
    "relation_end",
    metadata,
    Column("relation", Whole, ForeignKey("relation.number"), primary_key=True),
    Column("until_at", Whole, nullable=False),
    Column("ended_at", Whole, nullable=False),
    Column("ended_by", Text, nullable=False),
    sqlite_strict=True,
)

# Only the hash of a token is kept: whoever reads the database cannot act with it.
api_token = Table(
    "api_token",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.name"), nullable=False),
    Column("issued_at", Whole, nullable=False),
    Column("expires_at", Whole, nullable=False),
    # Names of actions with blanks between; empty for all that the account may.
    Column("scope", Text, nullable=False, server_default=""),
    Column("label", Text, nullable=False, server_default=""),
    Column("used_at", Whole),
    Column("ended_at", Whole),
    Index("ix_api_token_account", "account"),
    sqlite_strict=True,
)

# Answers to requests with an Idempotency-Key, sealed because some hold a secret; kept for a day.
api_answer = Table(
    "api_answer",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("begun_at", Whole, nullable=False),
    Column("sealed", LargeBinary),
    Index("ix_api_answer_begun_at", "begun_at"),
    sqlite_strict=True,
)

# SQLite refuses to change or delete its rows, by triggers that the migration makes; the chain of hashes finds the rest.
audit_entry = Table(
    "audit_entry",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", Whole, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("sha256", Text, nullable=False, unique=True),
    sqlite_strict=True,
)

# Whether an account may be chosen as a data acquisition provider; the last word on each counts.
provider_approval = Table(
    "provider_approval",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("account", Text, ForeignKey("account.name"), nullable=False, index=True),
    Column("approved", Integer, nullable=False),
    Column("said_at", Whole, nullable=False),
    Column("said_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_strict=True,
)

change_request = Table(
    "change_request",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("system", Text, ForeignKey("system.pts_id"), nullable=False, index=True),
    Column("role", Text, nullable=False),
    # Empty where somebody without an account is named.
    Column("account", Text, nullable=False),
    Column("contact_name", Text, nullable=False),
    Column("contact_email", Text, nullable=False),
    Column("wanted_at", Whole, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Whole, nullable=False),
    sqlite_strict=True,
)

# What was done with a request; an approval says who it came to be and from when it counts (UTC ms).
change_step = Table(
    "change_step",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("request", Whole, ForeignKey("change_request.number"), nullable=False, index=True),
    Column("step", Text, nullable=False),
    Column("taken_at", Whole, nullable=False),
    Column("taken_by", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("counts_from", Whole),
    sqlite_strict=True,
)
