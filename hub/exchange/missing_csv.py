"""The Missing Production Report as CSV, for spreadsheets: no cell of it is taken for a formula."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from hub.exchange.cells import neutral
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


def missing_csv(rows: Iterable[MissingSystem]) -> str:
    """Return the report with a heading line; months as `2024-01 2024-02`, energy in whole Wh, times in UTC."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        last = ("", "") if row.last is None else (str(row.last.register_wh), format_instant(row.last.read_at))
        names = (row.system, row.name, row.reporter, row.account_holder)
        cells = (*names, plain_kilowatts(row.capacity_w_dc), " ".join(map(str, row.months)), *last)
        writer.writerow([neutral(cell) for cell in cells])
    return text.getvalue()
