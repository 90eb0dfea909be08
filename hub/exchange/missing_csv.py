"""The Missing Production Report as CSV, for spreadsheets: no cell of it is taken for a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.exchange.cells import table_lines
from hub.formats import plain_kilowatts
from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hub.rules.missing_production import MissingSystem

COLUMNS = (
    "system",
    "name",
    "reporter",
    "account_holder",
    "capacity_kw_dc",
    "months_missing",
    "last_register_wh",
    "last_read_at",
)


def missing_heading() -> str:
    """Return the line above the report."""
    return table_lines([COLUMNS])


def missing_csv(rows: Iterable[MissingSystem]) -> str:
    """Return rows of the report; months as `2024-01 2024-02`, energy in whole Wh, times in UTC."""
    return table_lines(map(_cells, rows))


def _cells(row: MissingSystem) -> tuple[str, ...]:
    last = ("", "") if row.last is None else (str(row.last.register_wh), format_instant(row.last.read_at))
    names = (row.system, row.name, row.reporter, row.account_holder)
    return (*names, plain_kilowatts(row.capacity_w_dc), " ".join(map(str, row.months)), *last)
