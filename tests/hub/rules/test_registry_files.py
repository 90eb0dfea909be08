"""Registries' files: what they say is read back, whatever the months are; people's texts do no harm."""

from __future__ import annotations

import csv
import io
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules.periods import ProductionMonth
from hub.rules.quarters import ProductionQuarter
from hub.rules.registry_files import Layout, UnitMonth, format_mwh, read_file, unit_digits, write_file
from hub.rules.verification_file import FileKind, VerifiedMonth, columns, plain_text, write_verification

QUARTER = ProductionQuarter(2024, 1)
LINES = {
    Layout.NEPOOL_GIS: r"\d+,\d{2}/\d{4},\d+(\.\d{1,3})?",
    Layout.M_RETS: r"\d+,[0-9A-Za-z-]+,\d{2}/\d{4},\d{2}/\d{2}/\d{4},\d{2}/\d{2}/\d{4},\d+(\.\d{1,3})?",
    Layout.NC_RETS: r"\d+,[0-9A-Za-z-]+,\d{2}/\d{4},\d{2}/\d{2}/\d{4},\d{2}/\d{2}/\d{4},\d+(\.\d{1,3})?",
    Layout.MIRECS: r"\d+,[0-9A-Za-z-]+,\d{2}/\d{4},\d{2}/\d{2}/\d{4},\d{2}/\d{2}/\d{4},\d+(\.\d{1,3})?,",
}
unit_months = st.builds(
    UnitMonth,
    st.sampled_from(QUARTER.months),
    st.builds(lambda letters, number: f"{letters}{number}", st.sampled_from(["", "NON", "M"]), st.integers(1, 99999)),
    st.integers(0, 10**9),
    st.from_regex(r"[0-9A-Z][0-9A-Za-z-]{0,9}", fullmatch=True),
)


@pytest.mark.parametrize("layout", Layout)
@given(st.lists(unit_months, max_size=20, unique_by=lambda row: (row.month, unit_digits(row.unit))))
def test_a_file_is_read_back(layout: Layout, rows: list[UnitMonth]) -> None:
    """Each line is of the published form, and together they say exactly the months that were written."""
    text = write_file(layout, QUARTER, rows)
    entity = layout is not Layout.NEPOOL_GIS
    said = [(row.month, row.unit, row.kwh, row.entity) for row in read_file(layout, text)]
    wanted = sorted((row.month, int(unit_digits(row.unit)), row.kwh, row.entity if entity else "") for row in rows)
    assert said == [(month, str(unit), kwh, entity) for month, unit, kwh, entity in wanted]
    lines = text.splitlines()[1 if layout in {Layout.NC_RETS, Layout.MIRECS} else 0 :]
    assert all(re.fullmatch(LINES[layout], line) for line in lines)


@given(st.integers(0, 10**12))
def test_mwh_are_exact(kwh: int) -> None:
    """Written as MWh and read as a decimal, a number of kWh is the same, and has no zero at its end."""
    text = format_mwh(kwh)
    whole, _, thousandths = text.partition(".")
    assert int(whole) * 1000 + int(thousandths.ljust(3, "0")) == kwh
    assert not thousandths.endswith("0")


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=12)


@given(st.sampled_from(FileKind), st.lists(st.tuples(texts, texts, st.integers(0, 10**12)), max_size=8))
def test_people_s_texts_are_kept_and_do_no_harm(kind: FileKind, people: list[tuple[str, str, int]]) -> None:
    """A table program reads every cell as it was meant, and none of them begins like a formula."""
    rows = [
        VerifiedMonth(f"SYS-{place:03d}", date(2024, 2, 29), wh, wh, owner_first_name=first, owner_last_name=last)
        for place, (first, last, wh) in enumerate(people)
    ]
    header, *lines = csv.reader(io.StringIO(write_verification(QUARTER, kind, rows), newline=""))
    assert tuple(header) == columns(kind)
    assert [(plain_text(line[12]), plain_text(line[13])) for line in lines] == [
        (first, last) for first, last, _ in people
    ]
    assert not [cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_units_are_ordered_as_numbers() -> None:
    """Unit 9 comes before unit 10, whatever letters they carry."""
    rows = [UnitMonth(ProductionMonth(2024, 1), unit, 1) for unit in ("NON10", "9", "NON100")]
    assert [row.unit for row in read_file(Layout.NEPOOL_GIS, write_file(Layout.NEPOOL_GIS, QUARTER, rows))] == [
        "9",
        "10",
        "100",
    ]
