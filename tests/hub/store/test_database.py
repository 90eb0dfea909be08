"""The database: one history of its schema, one writer, and nothing written by readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError, OperationalError

from hub.errors import SettingsError, StoreUnavailableError, UnderivableError
from hub.store import sqlite
from hub.store.database import DATABASE_NAME, attempt, open_database
from hub.store.patterns import pattern_to_signed, patterns_to_signed, signed_to_pattern
from hub.store.tables import metadata
from tests.hub.making import fetch

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database


@pytest.mark.filterwarnings("ignore:.*expression-based index .?system_version_unit")
def test_migrations_make_the_schema_in_the_code(database: Database) -> None:
    """A database made by the migrations is the one the queries are written for."""
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_every_table_is_strict(database: Database) -> None:
    """SQLite refuses a value of another type than its column's."""
    tables = fetch(database, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'alembic%'")
    assert len(tables) == len(metadata.tables)
    assert all("STRICT" in str(sql) for (sql,) in tables)


def test_the_writer_is_durable_and_the_readers_cannot_write(database: Database) -> None:
    """WAL with FULL sync and foreign keys for the writer; readers neither change nor checkpoint."""
    with database.write() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "foreign_keys")]
        assert found == [2, 1]
    with database.read() as connection:
        names = ("journal_mode", "query_only", "wal_autocheckpoint")
        assert [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names] == ["wal", 1, 0]
    with pytest.raises(StoreUnavailableError), database.read() as connection:
        connection.exec_driver_sql("DELETE FROM hub")


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    """All or nothing."""
    once = "INSERT INTO system VALUES ('A', 'B', '1', 0)"
    with pytest.raises(IntegrityError), database.write() as connection:
        [connection.exec_driver_sql(statement) for statement in (once, once)]
    assert fetch(database, "SELECT count(*) FROM system") == [(0,)]


def test_a_reader_sees_one_state(database: Database) -> None:
    """What is written during a read is not seen by it."""
    with database.read() as reader:
        assert reader.exec_driver_sql("SELECT count(*) FROM system").scalar() == 0
        with database.write() as writer:
            writer.exec_driver_sql("INSERT INTO system VALUES ('A', 'B', '1', 0)")
        assert reader.exec_driver_sql("SELECT count(*) FROM system").scalar() == 0
    assert fetch(database, "SELECT count(*) FROM system") == [(1,)]


def test_two_processes_take_turns(database: Database, tmp_path: Path) -> None:
    """A second opening of the same file, as by a command beside the server, can write as well."""
    beside = open_database(tmp_path / "hub", create=False)
    for number, opened in enumerate((database, beside, database)):
        with opened.write() as connection:
            connection.exec_driver_sql("INSERT INTO system VALUES (?, 'B', '1', 0)", (f"A{number}",))
    beside.close()
    assert fetch(database, "SELECT count(*) FROM system") == [(3,)]


def test_a_folder_without_database_is_named(tmp_path: Path) -> None:
    """A mistyped folder does not become a new hub."""
    with pytest.raises(SettingsError, match="holds no hub database"):
        open_database(tmp_path / "typo", create=False)
    assert not (tmp_path / "typo").exists()


def test_a_newer_schema_is_left_alone(database: Database, tmp_path: Path) -> None:
    """An older hub does not touch what a newer one wrote."""
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match="newer hub"):
        open_database(tmp_path / "hub", create=False)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """A broken file is one sentence, not a stack of calls."""
    (tmp_path / DATABASE_NAME).write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreUnavailableError, match=r"hub\.db"):
        open_database(tmp_path, create=False)


def test_only_one_process_serves_a_folder(tmp_path: Path) -> None:
    """The second to ask is told no."""
    assert sqlite.hold_alone(tmp_path / "serve.lock") is not None
    assert sqlite.hold_alone(tmp_path / "serve.lock") is None


@given(st.integers(0, 2**64 - 1))
def test_every_pattern_survives_storage(raw: int) -> None:
    """Unsigned 64-bit patterns fit SQL's signed integers and come back."""
    stored = pattern_to_signed(raw)
    assert -(2**63) <= stored < 2**63
    assert signed_to_pattern(stored) == raw


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_many_patterns_are_stored_as_each_is(raws: list[int]) -> None:
    """The quick way for a column of patterns gives what the way for one gives."""
    assert list(patterns_to_signed(raws)) == [pattern_to_signed(raw) for raw in raws]


@pytest.mark.parametrize("name", ["a?mode=ro", "a#b", "a%20b", "a b", "ä:b"])
def test_any_folder_name_will_do(tmp_path: Path, name: str) -> None:
    """The database lies in the folder that was named, whatever characters its name has."""
    database = open_database(tmp_path / name, create=True)
    database.close()
    assert (tmp_path / name / DATABASE_NAME).exists()
    assert sorted(tmp_path.iterdir()) == [tmp_path / name]


def test_a_fault_undoes_its_own_part_only(database: Database) -> None:
    """What an attempt did is gone, what the transaction did before and after it stays; an unfit disk is no fault."""
    insert = "INSERT INTO system VALUES (?, 'B', '1', 0)"
    with database.write() as connection:
        connection.exec_driver_sql(insert, ("before",))
        with pytest.raises(UnderivableError), attempt(connection):
            [connection.exec_driver_sql(insert, (name,)) for name in ("lost", "before")]
        with pytest.raises(OverflowError):
            connection.exec_driver_sql(insert, (2**64,))
        with pytest.raises(OperationalError), attempt(connection):
            connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")
        connection.exec_driver_sql(insert, ("after",))
    assert fetch(database, "SELECT pts_id FROM system ORDER BY pts_id") == [("after",), ("before",)]
