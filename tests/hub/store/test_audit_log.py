"""Appending to the audit log: writers take turns wherever more than one can write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_mock_engine

from hub.store.audit_log import APPEND_LOCK, append_audit
from hub.store.dialect import take_turn
from tests.hub.making import fetch

if TYPE_CHECKING:
    from sqlalchemy import Select

    from hub.store.database import Database


class _HeadAskedError(Exception):
    """The newest entry was asked for: no further."""


def test_on_postgresql_the_newest_entry_is_asked_for_in_turn() -> None:
    """The lock of the transaction comes first: whoever waits for it reads what the one before has committed."""
    asked: list[str] = []

    def execute(statement: Select[tuple[object, ...]], *_: object) -> None:
        asked.append(str(statement.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})))
        if len(asked) > 1:
            raise _HeadAskedError

    engine = create_mock_engine("postgresql://", execute)
    with pytest.raises(_HeadAskedError):
        append_audit(engine, actor="ann", action="act", subject="it", at=1)  # type: ignore[arg-type]
    lock, head = asked
    assert lock.startswith(f"SELECT pg_advisory_xact_lock({APPEND_LOCK})")
    assert "FROM audit_entry" in head
    assert -(1 << 63) <= APPEND_LOCK < 1 << 63, "PostgreSQL takes a signed 64-bit number"


def test_sqlite_needs_no_lock(database: Database) -> None:
    """There the one writer has its turn already, and the chain goes on entry by entry."""
    with database.write() as connection:
        take_turn(connection, APPEND_LOCK)
        for number in (1, 2):
            append_audit(connection, actor="ann", action="act", subject=str(number), at=number)
    rows = fetch(database, "SELECT number, subject FROM audit_entry ORDER BY number")
    assert rows == [(1, "1"), (2, "2")]
