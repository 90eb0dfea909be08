"""Tables for spreadsheets, whose cells are shown and not computed."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from hub.exchange.mail import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORMULA_SIGNS = ("=", "+", "-", "@")


def table_lines(rows: Iterable[Iterable[str]]) -> str:
    """Return lines of a table as CSV; a table that is long is written in parts, the heading first."""
    text = io.StringIO()
    csv.writer(text).writerows(map(neutral, row) for row in rows)
    return text.getvalue()


def neutral(cell: str) -> str:
    """Return a cell on one line that a spreadsheet takes for no formula: an apostrophe goes before one."""
    line = one_line(cell)
    return f"'{line}" if line.startswith(_FORMULA_SIGNS) else line
