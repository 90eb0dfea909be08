"""The two statements that differ between engines, chosen once by the connection's own dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table
    from sqlalchemy.sql.dml import Insert


def insert_new(connection: Connection, table: Table) -> Insert:
    """Return an INSERT that skips rows whose key is already there."""
    return _insert(connection, table).on_conflict_do_nothing()


def insert_or_replace(connection: Connection, table: Table, keys: Sequence[str], changing: Sequence[str]) -> Insert:
    """Return an INSERT that, where a row with these `keys` is there, overwrites the `changing` columns."""
    statement = _insert(connection, table)
    return statement.on_conflict_do_update(
        index_elements=list(keys), set_={name: statement.excluded[name] for name in changing}
    )


def _insert(connection: Connection, table: Table) -> sqlite_dialect.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite_dialect.insert(table)
    return postgresql.insert(table)
