"""The files in which registries take a quarter's months, byte for byte; and what such a file says, read back.

Everything in them is digits, dates and plain identifiers: whatever else is refused, not repaired.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.periods import ProductionMonth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hub.rules.quarters import ProductionQuarter

_DIGITS = re.compile(r"[A-Z]*([0-9]+)", re.IGNORECASE)
_ENTITY = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]*")
_VINTAGE = re.compile(r"([0-9]{2})/([0-9]{4})")
_MWH = re.compile(r"([0-9]+)(?:\.([0-9]{1,3}))?")
_KWH_PER_MWH = 1_000


class Layout(StrEnum):
    """A registry's file."""

    NEPOOL_GIS = "nepool-gis"
    M_RETS = "m-rets"
    NC_RETS = "nc-rets"
    MIRECS = "mirecs"


@dataclass(frozen=True, slots=True, order=True)
class UnitMonth:
    """What a registry's unit generated in a month: whole kWh, which are thousandths of a MWh.

    `unit` may carry the registry's letters before its digits; `entity` is who reports, empty where the file has none.
    """

    month: ProductionMonth
    unit: str
    kwh: int
    entity: str = ""


@dataclass(frozen=True, slots=True)
class _Form:
    header: str
    fields: Callable[[UnitMonth], tuple[str, ...]]
    columns: int
    has_entity: bool


def write_file(layout: Layout, quarter: ProductionQuarter, rows: Iterable[UnitMonth]) -> str:
    """Return the text of a registry's file with these months of a quarter, by month and unit.

    Raises InputError for a unit without digits, one that is there twice in a month, a month outside the quarter,
    negative energy, and for a reporting entity that the file asks for and that is missing or malformed.
    Citation: `citations.GIS_FILE`.
    """
    form = _FORMS[layout]
    ordered = sorted(rows, key=lambda row: (row.month, int(unit_digits(row.unit)), row.unit))
    seen: set[tuple[ProductionMonth, str]] = set()
    for row in ordered:
        _check(row, quarter, form)
        unit = (row.month, unit_digits(row.unit))
        if unit in seen:
            message = f"unit {row.unit} is there twice in {row.month}: a registry takes one line for it"
            raise InputError(message)
        seen.add(unit)
    lines = [form.header] if form.header else []
    lines += [",".join(form.fields(row)) for row in ordered]
    return "".join(f"{line}\n" for line in lines)


def read_file(layout: Layout, text: str) -> tuple[UnitMonth, ...]:
    """Return the months that a registry's file says, in its order; units are digits.

    Raises InputError, with the line, for what is no such file. Citation: `citations.GIS_FILE`.
    """
    form = _FORMS[layout]
    lines = text.splitlines()
    if form.header:
        if not lines or lines[0] != form.header:
            message = f"a file for {layout} begins with the line {form.header}"
            raise InputError(message)
        lines = lines[1:]
    return tuple(_read_line(form, line, number) for number, line in enumerate(lines, 2 if form.header else 1))


def unit_digits(unit: str) -> str:
    """Return a unit's id as registries' files have it: its digits, `12345` for NON12345 and `805` for M805.

    Raises InputError where there are none. Citation: `citations.GIS_FILE`.
    """
    match = _DIGITS.fullmatch(unit.strip())
    if match is None:
        message = f"{unit!r:.60} is not the id of a registry's unit: it is letters and then digits, such as NON12345"
        raise InputError(message)
    return match[1]


def format_mwh(kwh: int) -> str:
    """Return whole kWh as MWh with no more decimals than needed: 100123 is `100.123`, 50000 is `50`.

    Citation: `citations.GIS_FILE`.
    """
    whole, thousandths = divmod(kwh, _KWH_PER_MWH)
    return f"{whole}.{thousandths:03d}".rstrip("0").rstrip(".")


def format_vintage(month: ProductionMonth) -> str:
    """Return a month as `MM/YYYY`, always seven characters. Citation: `citations.MRETS_FILE`."""
    return f"{month.month:02d}/{month.year:04d}"


def _first_day(month: ProductionMonth) -> str:
    return f"{month.month:02d}/01/{month.year:04d}"


def _last_day(month: ProductionMonth) -> str:
    return f"{month.month:02d}/{month.last_day.day:02d}/{month.year:04d}"


def _gis_fields(row: UnitMonth) -> tuple[str, ...]:
    return unit_digits(row.unit), format_vintage(row.month), format_mwh(row.kwh)


def _dated_fields(row: UnitMonth) -> tuple[str, ...]:
    days = _first_day(row.month), _last_day(row.month)
    return unit_digits(row.unit), row.entity, format_vintage(row.month), *days, format_mwh(row.kwh)


def _mirecs_fields(row: UnitMonth) -> tuple[str, ...]:
    # Nobody measures here what of it was generated at peak times; the column is there, and empty.
    return (*_dated_fields(row), "")


_FORMS: Mapping[Layout, _Form] = {
    Layout.NEPOOL_GIS: _Form("", _gis_fields, 3, has_entity=False),
    Layout.M_RETS: _Form("", _dated_fields, 6, has_entity=True),
    Layout.NC_RETS: _Form(
        "PROJECTID,REPORTINGENTITYID,VINTAGE,FROMDATE,TODATE,TOTALMWH", _dated_fields, 6, has_entity=True
    ),
    Layout.MIRECS: _Form("MIRECSID,REPORTINGID,VINTAGE,FROM,TO,TOTALMWH,ONPEAKGEN", _mirecs_fields, 7, has_entity=True),
}


def _check(row: UnitMonth, quarter: ProductionQuarter, form: _Form) -> None:
    if row.month not in quarter.months:
        message = f"{row.month} of unit {row.unit} is not in {quarter}: put it in the file of its own quarter"
        raise InputError(message)
    if row.kwh < 0:
        message = (
            f"unit {row.unit} has {row.kwh} kWh in {row.month}: a registry takes no negative energy, adjust it there"
        )
        raise InputError(message)
    if form.has_entity and not _ENTITY.fullmatch(row.entity):
        message = (
            f"{row.entity!r:.60} is no reporting id: give the letters and digits under which the registry knows who "
            "reports"
        )
        raise InputError(message)


def _read_line(form: _Form, line: str, number: int) -> UnitMonth:
    cells = line.split(",")
    if len(cells) == form.columns:
        entity, vintage = (cells[1], cells[2]) if form.has_entity else ("", cells[1])
        month = _VINTAGE.fullmatch(vintage)
        energy = _MWH.fullmatch(cells[5] if form.has_entity else cells[2])
        if month is not None and energy is not None:
            kwh = int(energy[1]) * _KWH_PER_MWH + int((energy[2] or "").ljust(3, "0"))
            row = UnitMonth(ProductionMonth(int(month[2]), int(month[1])), cells[0], kwh, entity)
            if form.fields(row) == tuple(cells):
                return row
    message = f"line {number} is not as the file has it: {line!r:.80}"
    raise InputError(message)
