"""Cells of a table that a spreadsheet shows and does not compute."""

from __future__ import annotations

from hub.exchange.mail import one_line

_FORMULA_SIGNS = ("=", "+", "-", "@")


def neutral(cell: str) -> str:
    """Return a cell on one line that a spreadsheet takes for no formula: an apostrophe goes before one."""
    line = one_line(cell)
    return f"'{line}" if line.startswith(_FORMULA_SIGNS) else line
