"""The tables of signing in: passwords, second factors, sessions, links and failures; as in `hub.store.schema`.

What is secret is kept as its hash, but for the secrets of second factors, which have to be computed with: these are
sealed, see `hub.sealing`.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, Text

from hub.store.schema import Whole, metadata

# The last one of an account counts.
account_password = Table(
    "account_password",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("account", Text, ForeignKey("account.name"), nullable=False, index=True),
    Column("hash", Text, nullable=False),
    Column("set_at", Whole, nullable=False),
    sqlite_strict=True,
)

# `confirmed_at` None: shown, and not yet proved by a code.
second_factor = Table(
    "second_factor",
    metadata,
    Column("account", Text, ForeignKey("account.name"), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("made_at", Whole, nullable=False),
    Column("confirmed_at", Whole),
    Column("last_step", Whole, nullable=False),
    sqlite_strict=True,
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.name"), nullable=False, index=True),
    Column("used_at", Whole),
    sqlite_strict=True,
)

# `is_confirmed` 0: the password was right, and the second factor is still to come.
web_session = Table(
    "web_session",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("account", Text, ForeignKey("account.name"), nullable=False, index=True),
    Column("is_confirmed", Integer, nullable=False),
    Column("begun_at", Whole, nullable=False),
    Column("seen_at", Whole, nullable=False),
    Column("ended_at", Whole),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    sqlite_strict=True,
)

# A link by which somebody sets a password: once, and only the last one that was made.
password_link = Table(
    "password_link",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("sha256", Text, nullable=False, unique=True),
    Column("account", Text, ForeignKey("account.name"), nullable=False, index=True),
    Column("made_at", Whole, nullable=False),
    Column("expires_at", Whole, nullable=False),
    Column("used_at", Whole),
    sqlite_strict=True,
)

# `account` is what was typed: it need not be one.
sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    Column("number", Whole, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False, index=True),
    Column("address", Text, nullable=False, index=True),
    Column("failed_at", Whole, nullable=False),
    sqlite_strict=True,
)

# Who somebody is in another house, by whose word they sign in.
linked_identity = Table(
    "linked_identity",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.name"), nullable=False, index=True),
    Column("linked_at", Whole, nullable=False),
    sqlite_strict=True,
)
