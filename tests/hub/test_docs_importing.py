"""The page on imports, held against the code: the layouts, their columns, the words and the traps it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub.rules import fields
from hub.rules.bulk_rows import COLUMNS, NEEDED, Layout
from hub.rules.facts import ProgrammeName, ReportingMode, Technology
from hub.rules.fields import Problem
from hub.services.import_rows import Outcome
from hub.services.read_csv import BYTES_MAX, LINES_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")


def row(first: str) -> list[str]:
    """Return the names in the second cell of the table row that begins so."""
    (cells,) = re.findall(rf"^\| `?{first}`? \| (.*) \|$", PAGE, re.MULTILINE)
    return re.split(r", ", str(cells))


@pytest.mark.parametrize("layout", list(Layout))
def test_the_columns_are_those_of_the_code(layout: Layout) -> None:
    """In the same order, and bold where they must be filled."""
    named = row(layout)
    assert tuple(one.strip("*") for one in named) == COLUMNS[layout]
    assert tuple(one.strip("*") for one in named if one.startswith("**")) == NEEDED[layout]


@pytest.mark.parametrize(
    ("kind", "words"), [("technology", Technology), ("reporting_mode", ReportingMode), ("programme", ProgrammeName)]
)
def test_the_words_are_those_of_the_code(kind: str, words: type[Technology | ReportingMode | ProgrammeName]) -> None:
    """All of them."""
    assert [one.strip("`") for one in row(kind)] == list(words)


def test_the_outcomes_and_bounds_are_those_of_the_code() -> None:
    """What the page promises is what is done."""
    assert re.findall(r"^\| `([a-z]+)` \| (?!\*\*)", PAGE, re.MULTILINE) == list(Outcome)
    assert f"{LINES_MAX:,} lines and {BYTES_MAX >> 20} MiB" in PAGE


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        ("1,234.5", lambda text: fields.read_scaled(text, fields.KILOWATT_HOURS)),
        ("12,5", lambda text: fields.read_scaled(text, fields.KILOWATT_HOURS)),
        ("1.23457E+12", fields.read_name),
        ("7/31/2016", fields.read_date),
        ("31-Jul-16", fields.read_date),
        ("42582", fields.read_date),
        ("200:05:00", fields.read_ratio),
        ("2138", fields.read_zip),
        ("=A1*1000", fields.read_text),
        ("#REF!", fields.read_text),
        ("####", fields.read_text),
    ],
)
def test_the_traps_are_seen(seen: str, read: Callable[[str], object]) -> None:
    """Each that the page names is refused."""
    assert f"`{seen}`" in PAGE
    assert isinstance(read(seen), Problem)
