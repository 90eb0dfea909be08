"""Cases of registries' files: their text to the byte, and what is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub.errors import InputError
from hub.rules.local_times import parse_local
from hub.rules.periods import parse_month
from hub.rules.quarters import parse_quarter
from hub.rules.registry_files import Layout, UnitMonth, format_mwh, read_file, unit_digits, write_file
from hub.rules.verification_file import FileKind, VerifiedMonth, file_name, plain_text, write_verification
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("registry_files")
def ask_registry_file(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the lines of a registry's file, or why there is none; what it says is read back the same."""
    layout, rows = Layout(given["layout"]), [_unit_month(row) for row in given["rows"]]
    try:
        text = write_file(layout, parse_quarter(given["quarter"]), rows)
    except InputError as error:
        return {"refused": str(error)}
    said = {(row.unit, row.month, format_mwh(row.kwh), row.entity) for row in read_file(layout, text)}
    assert said == {(unit_digits(row.unit), row.month, format_mwh(row.kwh), row.entity) for row in rows}
    assert text.endswith("\n") or not text, "every line is ended"
    return {"lines": text.splitlines()}


@asks("reading_files")
def ask_reading(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what a registry's file says, or which line is not of it."""
    try:
        rows = read_file(Layout(given["layout"]), "\n".join(given["lines"]))
    except InputError as error:
        return {"refused": str(error)}
    return {"rows": [f"{row.unit} {row.month} {format_mwh(row.kwh)} MWh {row.entity}".strip() for row in rows]}


@asks("verification_file")
def ask_verification_file(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the name and the lines of a quarter's verification file, or why there is none."""
    quarter, kind = parse_quarter(given["quarter"]), FileKind(given["kind"])
    try:
        text = write_verification(quarter, kind, [_verified(row) for row in given["rows"]])
    except InputError as error:
        return {"refused": str(error)}
    return {"name": file_name(quarter, kind), "lines": text.splitlines()}


@asks("harmless")
def ask_harmless(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the owner's last name as it stands in the file, and as it is read back."""
    row = _verified({"system": "A", "ends": "2024-01-31", "kwh": "1", "eligible_kwh": "1", "owner": given["name"]})
    line = write_verification(parse_quarter("2024-Q1"), FileKind.FINAL, [row]).splitlines()[1]
    cell = line.split(",")[13]
    return {"cell": cell, "read_back": plain_text(cell)}


def _unit_month(row: Mapping[str, Any]) -> UnitMonth:
    return UnitMonth(parse_month(row["month"]), row["unit"], int(Decimal(row["mwh"]) * 1000), row.get("entity", ""))


def _verified(row: Mapping[str, Any]) -> VerifiedMonth:
    return VerifiedMonth(
        system=row["system"],
        ends_on=date.fromisoformat(row["ends"]),
        energy_wh=int(Decimal(row["kwh"]) * 1000),
        eligible_wh=int(Decimal(row["eligible_kwh"]) * 1000),
        is_agreement_signed=row.get("signed"),
        effective_on=date.fromisoformat(row["effective"]) if "effective" in row else None,
        initial_wh=int(Decimal(row["initial_kwh"]) * 1000) if "initial_kwh" in row else None,
        register_wh=int(Decimal(row["register_kwh"]) * 1000) if "register_kwh" in row else None,
        read_at=parse_local(row["read"]) if "read" in row else None,
        owner_last_name=row.get("owner", ""),
        srec_programme=row.get("programme"),
    )
