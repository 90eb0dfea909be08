"""The statements that differ between engines, chosen once by the connection's own dialect."""

from __future__ import annotations

import functools
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table
    from sqlalchemy.sql.dml import Insert

ROWS_AT_ONCE = 32
"""Rows in one statement: SQLite spends a third of a row's time on beginning and ending the statement that inserts it.

More of them gain nothing, and this many stay below the 999 values that old builds of SQLite take."""


def take_turn(connection: Connection, lock: int) -> None:
    """Wait until no other transaction holds this lock (any number), and hold it until this one ends.

    SQLite has one writer at a time anyway. On PostgreSQL it is an advisory lock of the transaction; what is read after
    it is what the one before has committed, as long as transactions are READ COMMITTED, PostgreSQL's default.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(lock)))


def insert_new(connection: Connection, table: Table) -> Insert:
    """Return an INSERT that skips rows whose key is already there."""
    return _insert(connection.dialect.name, table).on_conflict_do_nothing()


def insert_or_replace(connection: Connection, table: Table, keys: Sequence[str], changing: Sequence[str]) -> Insert:
    """Return an INSERT that, where a row with these `keys` is there, overwrites the `changing` columns."""
    statement = _insert(connection.dialect.name, table)
    return statement.on_conflict_do_update(
        index_elements=list(keys), set_={name: statement.excluded[name] for name in changing}
    )


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> int:
    """Insert rows that have a value for every column, in the table's order; skip those whose key is already there.

    Return how many were new. For blocks and readings, of which a busy hub inserts ten thousands in a second: where the
    driver takes tuples, they go to it as they are, by a statement compiled once; SQLAlchemy's own way for many rows
    costs as much again as the insertion.
    """
    if not rows:
        return 0
    if connection.dialect.positional:
        name, together = connection.dialect.name, len(rows) - len(rows) % ROWS_AT_ONCE
        many = [
            tuple(chain.from_iterable(rows[start : start + ROWS_AT_ONCE])) for start in range(0, together, ROWS_AT_ONCE)
        ]
        return _run(connection, _insert_text(name, table, ROWS_AT_ONCE), many) + _run(
            connection, _insert_text(name, table, 1), rows[together:]
        )
    names = [column.name for column in table.c]
    values = [dict(zip(names, row, strict=True)) for row in rows]
    return connection.execute(insert_new(connection, table), values).rowcount


def _run(connection: Connection, text: str, values: Sequence[tuple[object, ...]]) -> int:
    return connection.exec_driver_sql(text, list(values)).rowcount if values else 0


@functools.cache
def _insert_text(dialect: str, table: Table, rows: int) -> str:
    assert dialect == "sqlite", dialect
    every = {column.name: None for column in table.c}
    statement = _insert(dialect, table).on_conflict_do_nothing().values([every] * rows)
    return str(statement.compile(dialect=sqlite_dialect.dialect(paramstyle="qmark")))


def _insert(dialect: str, table: Table) -> sqlite_dialect.Insert | postgresql.Insert:
    return sqlite_dialect.insert(table) if dialect == "sqlite" else postgresql.insert(table)
