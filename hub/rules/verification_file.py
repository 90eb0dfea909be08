"""The quarterly verification file: what of each system's months is sent, with the readings behind it.

Its columns are those that public programs read from the file of the Production Tracking System. Texts come from people,
and a table program runs a text that begins like a formula: such a text gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.local_times import format_local

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from hub.rules.quarters import ProductionQuarter

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_APOSTROPHE = "'"


class FileKind(StrEnum):
    """Whether a quarter's file can still change."""

    PRELIMINARY = "preliminary"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class VerifiedMonth:
    """A line of the file. Energy is whole Wh, `read_at` and `reported_at` UTC ms; None and empty texts stay empty.

    `ends_on` is the last day of the month, `eligible_wh` what of it counts for certificates, `srec_programme` 1 or 2.
    """

    system: str
    ends_on: date
    energy_wh: int
    eligible_wh: int
    is_agreement_signed: bool | None = None
    opted_in_on: date | None = None
    effective_on: date | None = None
    in_service_on: date | None = None
    initial_wh: int | None = None
    register_wh: int | None = None
    read_at: int | None = None
    reported_at: int | None = None
    owner_first_name: str = ""
    owner_last_name: str = ""
    srec_programme: int | None = None


def columns(kind: FileKind) -> tuple[str, ...]:
    """Return the column names of the file; two carry a 1 in the preliminary one.

    Citation: `citations.VERIFICATION_FILE`.
    """
    suffix = "1" if kind is FileKind.PRELIMINARY else ""
    return (
        "SystemID",
        "SREC_AgreementSigned",
        f"SREC_OptinStartDate{suffix}",
        f"SREC_EffectiveDate{suffix}",
        "dateinservice",
        "EnergyProduced",
        "PeriodEndDate",
        "SREC_EligibleProduction",
        "InitialMeterValue",
        "MeterValue",
        "MeterDate",
        "DateTimeReported",
        "SysOwnerFirstName",
        "SysOwnerLastName",
        "SREC Program",
    )


def file_name(quarter: ProductionQuarter, kind: FileKind) -> str:
    """Return the name under which the file is given out. Citation: `citations.VERIFICATION_FILE`."""
    return f"IndvSystemsProduction{kind.capitalize()} {quarter.year} Q{quarter.quarter}.csv"


def write_verification(quarter: ProductionQuarter, kind: FileKind, rows: Iterable[VerifiedMonth]) -> str:
    """Return the text of a quarter's verification file, by system and month.

    Raises InputError for a month outside the quarter and for negative energy. Citation: `citations.VERIFICATION_FILE`.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns(kind))
    for row in sorted(rows, key=lambda row: (row.system, row.ends_on)):
        _check(row, quarter)
        writer.writerow(_cells(row))
    return written.getvalue()


def harmless(text: str) -> str:
    """Return a text that no table program takes for a formula: with an apostrophe before it where it begins like one.

    Citation: `citations.VERIFICATION_FILE`.
    """
    return _APOSTROPHE + text if text.startswith((*_FORMULA, _APOSTROPHE)) else text


def plain_text(cell: str) -> str:
    """Return the text that `harmless` wrote. Citation: `citations.VERIFICATION_FILE`."""
    return cell.removeprefix(_APOSTROPHE)


def format_kwh(energy_wh: int) -> str:
    """Return whole Wh as kWh, exactly, without needless decimals. Citation: `citations.VERIFICATION_FILE`."""
    whole, thousandths = divmod(energy_wh, 1000)
    return f"{whole}.{thousandths:03d}".rstrip("0").rstrip(".")


def _check(row: VerifiedMonth, quarter: ProductionQuarter) -> None:
    if (row.ends_on.year, row.ends_on.month) not in {(month.year, month.month) for month in quarter.months}:
        message = (
            f"{row.ends_on:%Y-%m} of system {row.system} is not in {quarter}: put it in the file of its own quarter"
        )
        raise InputError(message)
    if min(row.energy_wh, row.eligible_wh) < 0:
        message = f"system {row.system} has negative energy in {row.ends_on:%Y-%m}: correct the month before it is sent"
        raise InputError(message)


def _cells(row: VerifiedMonth) -> tuple[str, ...]:
    signed = "" if row.is_agreement_signed is None else str(int(row.is_agreement_signed))
    return (
        harmless(row.system),
        signed,
        _on(row.opted_in_on),
        _on(row.effective_on),
        _on(row.in_service_on),
        format_kwh(row.energy_wh),
        _on(row.ends_on),
        format_kwh(row.eligible_wh),
        _kwh(row.initial_wh),
        _kwh(row.register_wh),
        _at(row.read_at),
        _at(row.reported_at),
        harmless(row.owner_first_name),
        harmless(row.owner_last_name),
        "" if row.srec_programme is None else str(row.srec_programme),
    )


def _on(day: date | None) -> str:
    return "" if day is None else f"{day:%m/%d/%Y}"


def _at(at_ms: int | None) -> str:
    return "" if at_ms is None else format_local(at_ms)


def _kwh(energy_wh: int | None) -> str:
    return "" if energy_wh is None else format_kwh(energy_wh)
