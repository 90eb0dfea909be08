"""The report for spreadsheets: whole numbers, one line for each system, no cell that computes."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.exchange.missing_csv import COLUMNS, missing_csv, missing_heading
from hub.rules.missing_production import MissingSystem
from hub.rules.periods import parse_month
from hub.rules.reported import AcceptedReading, Origin
from tests.hub.making import JULY_AT

MONTHS = (parse_month("2016-07"), parse_month("2016-09"))
LAST = AcceptedReading(1, 1, parse_month("2016-06"), JULY_AT, 1_234_567, Origin.MANUAL)


def make_row(name: str = "Barn", last: AcceptedReading | None = LAST) -> MissingSystem:
    """Return a row whose system and people have this name."""
    return MissingSystem("S-1", name, name, name, 7500, MONTHS, last)


def read(text: str) -> list[list[str]]:
    """Return the cells as a spreadsheet reads them."""
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_report_is_exact() -> None:
    """Energy in whole Wh, the nameplate as it is, times in UTC; nothing where there is no reading."""
    heading, first, second = read(missing_heading() + missing_csv([make_row(), make_row(last=None)]))
    assert tuple(heading) == COLUMNS
    known = ["S-1", "Barn", "Barn", "Barn", "7.5", "2016-07 2016-09"]
    assert first == [*known, "1234567", "2016-07-01T04:00:00Z"]
    assert second == [*known, "", ""]


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r\n=1+1", "  =1"])
def test_no_cell_is_a_formula(formula: str) -> None:
    """An apostrophe goes before whatever a spreadsheet would compute."""
    (row,) = read(missing_csv([make_row(formula)]))
    assert all(cell == f"'{formula.strip()}" for cell in row[1:4])


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_name_stays_in_its_cell(name: str) -> None:
    """Quotes, commas and line ends end neither a cell nor a row."""
    rows = read(missing_csv([make_row(name), make_row()]))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 2
    assert not any(row[1].startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows)
