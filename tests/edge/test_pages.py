"""Rows from pages: what SQLite wrote is read without SQLite, and damage costs only the pages that it hit."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.journal.pages import PAGE_SIZE, Row, Value, read_rows

values = st.one_of(
    st.none(), st.integers(-(1 << 63), (1 << 63) - 1), st.text(max_size=2000), st.binary(max_size=20_000)
)
SMALL = 1024
tables = st.lists(st.tuples(values, values, values), max_size=12)
Table = list[tuple[Value, Value, Value]]


def write(path: Path, table: Table, *, page_size: int = PAGE_SIZE) -> None:
    """Write rows into a database."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"pragma page_size = {page_size}")
        connection.execute("create table t (n integer primary key, a, b, c)")
        connection.executemany("insert into t (a, b, c) values (?, ?, ?)", table)


def expected(table: Table) -> set[Row]:
    """Return the rows as they should be read."""
    return {Row(number, (None, *row)) for number, row in enumerate(table, start=1)}


def rows(path: Path) -> set[Row]:
    """Return the rows of the table, without that of the schema."""
    return {row for row in read_rows(path) if row.values[:1] == (None,)}


@settings(max_examples=40)
@given(tables, st.sampled_from([512, 4096, 65_536]))
def test_all_that_sqlite_wrote_is_read(table: Table, page_size: int) -> None:
    """Every row, of any type and length, in pages of any size, comes out as it went in."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        write(path, table, page_size=page_size)
        assert rows(path) == expected(table)


def test_what_is_only_in_the_log_is_read(tmp_path: Path) -> None:
    """Rows that no checkpoint has brought into the file yet come from the write-ahead log."""
    table: Table = [(number, "x" * number, bytes(5000)) for number in range(50)]
    write(tmp_path / "b.db", [])
    with closing(sqlite3.connect(tmp_path / "b.db", isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.executemany("insert into t (a, b, c) values (?, ?, ?)", table)
        for suffix in ("", "-wal"):
            (tmp_path / f"a.db{suffix}").write_bytes((tmp_path / f"b.db{suffix}").read_bytes())
    assert rows(tmp_path / "a.db") >= expected(table)


def test_a_destroyed_header_costs_no_row(tmp_path: Path) -> None:
    """With the first page zeroed SQLite knows nothing of the file, and all rows of other pages are still there."""
    table: Table = [(number, "x" * 100, b"y") for number in range(200)]
    path = tmp_path / "a.db"
    write(path, table)
    with path.open("r+b") as file:
        file.write(bytes(PAGE_SIZE))
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.DatabaseError):
        connection.execute("select * from t")
    assert rows(path) == expected(table)


@settings(max_examples=60)
@given(st.data())
def test_damage_costs_the_pages_that_it_hit(data: st.DataObject) -> None:
    """Bytes changed anywhere, or the end cut off: reading ends without an error, and pages not hit give their rows."""
    table: Table = [(number, f"row {number:03}" + "x" * 90, bytes(200)) for number in range(40)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        write(path, table, page_size=SMALL)
        content = bytearray(path.read_bytes())
        page_of = [content.index(b"row %03d" % number) // SMALL for number in range(40)]
        hits = data.draw(st.lists(st.tuples(st.integers(SMALL, len(content) - 1), st.integers(0, 255)), max_size=20))
        end = data.draw(st.integers(SMALL, len(content)))
        for place, octet in hits:
            content[place] = octet
        path.write_bytes(content[:end])
        hurt = {place // SMALL for place, _ in hits} | set(range(end // SMALL, len(content) // SMALL + 1))
        intact = {Row(n + 1, (None, *table[n])) for n in range(40) if page_of[n] not in hurt}
        assert intact <= rows(path)


def test_a_chain_that_bites_its_own_tail_ends(tmp_path: Path) -> None:
    """An overflow chain that leads in a circle gives wrong bytes of the right length, and reading goes on."""
    path = tmp_path / "a.db"
    write(path, [(1, None, bytes(range(256)) * 100)])
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // PAGE_SIZE):
        content[page * PAGE_SIZE : page * PAGE_SIZE + 4] = (3).to_bytes(4, "big")
    path.write_bytes(content)
    [row] = rows(path)
    assert row.values[:3] == (None, 1, None)
    assert isinstance(row.values[3], bytes)
    assert len(row.values[3]) == 25_600
