"""What was given out for a quarter: files as they were made, and what of each system's month was in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from hub.rules.exporting import SentMonth
from hub.rules.periods import parse_month
from hub.rules.quarters import ProductionQuarter, parse_quarter
from hub.rules.verification_file import FileKind
from hub.store.dialect import insert_rows
from hub.store.export_tables import exported_file, exported_month

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row, Select


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is to be kept: of which quarter, in which layout (the registry's, or `verification`), by whom."""

    quarter: ProductionQuarter
    layout: str
    kind: FileKind
    actor: str
    sha256: str
    rows: int
    content: bytes


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file that was made at `made_at` (UTC ms); `rows` are its lines without a header, `length` its bytes."""

    number: int
    quarter: ProductionQuarter
    layout: str
    kind: FileKind
    made_at: int
    actor: str
    sha256: str
    rows: int
    length: int


def add_file(connection: Connection, new: NewFile, months: Sequence[SentMonth], at: int) -> ExportedFile:
    """Keep a file and what of each system's month is in it; return it with its number."""
    values = {
        "quarter": str(new.quarter),
        "layout": new.layout,
        "kind": new.kind.value,
        "made_at": at,
        "actor": new.actor,
        "sha256": new.sha256,
        "rows": new.rows,
        "content": new.content,
    }
    added = insert(exported_file).values(values).returning(exported_file.c.number)
    number = int(connection.execute(added).scalar_one())
    rows = [(number, one.system, str(one.month), one.unit, one.kwh, int(one.is_estimated)) for one in months]
    stored = insert_rows(connection, exported_month, rows)
    assert stored == len(rows), "a system's month is in a file once"
    found = find_file(connection, number)
    assert found is not None, "it has just been added"
    return found


def find_file(connection: Connection, number: int) -> ExportedFile | None:
    """Return the file of this number."""
    row = connection.execute(_files().where(exported_file.c.number == number)).one_or_none()
    return None if row is None else _file(row)


def find_last(connection: Connection, quarter: ProductionQuarter, layout: str, kind: FileKind) -> ExportedFile | None:
    """Return the last file of a quarter in a layout, of one kind."""
    query = (
        _files()
        .where(
            exported_file.c.quarter == str(quarter),
            exported_file.c.layout == layout,
            exported_file.c.kind == kind.value,
        )
        .order_by(exported_file.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _file(row)


def list_files(
    connection: Connection, quarter: ProductionQuarter | None = None, *, after: int = 0, limit: int | None = None
) -> tuple[ExportedFile, ...]:
    """Return the files of one quarter, or of all, in the order in which they were made, those after a number."""
    query = _files().where(exported_file.c.number > after).order_by(exported_file.c.number).limit(limit)
    if quarter is not None:
        query = query.where(exported_file.c.quarter == str(quarter))
    return tuple(map(_file, connection.execute(query)))


def content_of(connection: Connection, number: int) -> bytes:
    """Return the bytes of a file that is there, as they were made."""
    query = select(exported_file.c.content).where(exported_file.c.number == number)
    return bytes(connection.execute(query).scalar_one())


def list_exported_systems(connection: Connection, number: int, after: str, limit: int) -> tuple[str, ...]:
    """Return the next `limit` systems after a PTS id that have a month in a file."""
    query = (
        select(exported_month.c.system)
        .distinct()
        .where(exported_month.c.file == number, exported_month.c.system > after)
        .order_by(exported_month.c.system)
        .limit(limit)
    )
    return tuple(connection.execute(query).scalars())


def list_exported_months(
    connection: Connection, number: int, systems: Sequence[str] | None = None
) -> tuple[SentMonth, ...]:
    """Return what is in a file of every system's months, or of those from the first to the last of `systems`."""
    query = (
        select(exported_month)
        .where(exported_month.c.file == number)
        .order_by(exported_month.c.system, exported_month.c.month)
    )
    if systems is not None:
        first, last = (systems[0], systems[-1]) if systems else ("", "")
        query = query.where(exported_month.c.system.between(first, last))
    return tuple(
        SentMonth(row.system, parse_month(row.month), row.unit, row.kwh, is_estimated=bool(row.is_estimated))
        for row in connection.execute(query)
    )


def _files() -> Select[tuple[object, ...]]:
    content = exported_file.c.content
    columns = [column for column in exported_file.c if column is not content]
    return select(*columns, func.length(content).label("length"))


def _file(row: Row[tuple[object, ...]]) -> ExportedFile:
    return ExportedFile(
        number=row.number,
        quarter=parse_quarter(row.quarter),
        layout=row.layout,
        kind=FileKind(row.kind),
        made_at=row.made_at,
        actor=row.actor,
        sha256=row.sha256,
        rows=row.rows,
        length=row.length,
    )
