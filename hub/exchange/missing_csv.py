"""The Missing Production Report as CSV, for spreadsheets: no cell of it is taken for a formula."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from hub.exchange.mail import one_line
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
_FORMULA_SIGNS = ("=", "+", "-", "@")


def missing_csv(rows: Iterable[MissingSystem]) -> str:
    """Return the report with a heading line; months as `2024-01 2024-02`, energy in whole Wh, times in UTC."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        last = ("", "") if row.last is None else (str(row.last.register_wh), format_instant(row.last.read_at))
        names = (row.system, row.name, row.reporter, row.account_holder)
        cells = (*names, _kilowatts(row.capacity_w_dc), " ".join(map(str, row.months)), *last)
        writer.writerow([_neutral(cell) for cell in cells])
    return text.getvalue()


def _kilowatts(power_w: int) -> str:
    return f"{power_w // 1000}.{power_w % 1000:03d}".rstrip("0").rstrip(".")


def _neutral(cell: str) -> str:
    """Return a cell on one line that a spreadsheet shows and does not compute: an apostrophe goes before a formula."""
    line = one_line(cell)
    return f"'{line}" if line.startswith(_FORMULA_SIGNS) else line
