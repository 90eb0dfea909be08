"""One row of a table that brings systems, meters or historic readings in: its values, or everything wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from hub.rules import fields
from hub.rules.details import MeterDetails, SystemDetails
from hub.rules.facts import Programme, ProgrammeName, ReportingMode, Technology
from hub.rules.fields import Problem, ProblemCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")


class Layout(StrEnum):
    """What the rows of a table are about."""

    SYSTEMS = "systems"
    METERS = "meters"
    READINGS = "readings"


@dataclass(frozen=True, slots=True)
class RowFinding:
    """What is wrong with a row, or with the whole table: where it stands, and a sentence with what to do.

    `line` counts from 1, the heading; `column` is empty where it is about the row.
    """

    line: int
    column: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class SystemRow:
    """A row of the systems table."""

    line: int
    pts_id: str
    name: str
    details: SystemDetails
    programme: Programme | None


@dataclass(frozen=True, slots=True)
class MeterRow:
    """A row of the meters table; empty `make` and `model` match any."""

    line: int
    system: str
    serial: str
    make: str
    model: str
    details: MeterDetails


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """A row of the readings table: a cumulative register in Wh at an instant (UTC ms)."""

    line: int
    system: str
    serial: str
    make: str
    read_at: int
    register_wh: int


SYSTEM_COLUMNS = (
    "pts_id", "name", "capacity_kw_dc", "capacity_kw_ac", "technology", "in_service_on", "annual_kwh_estimated",
    "gis_asset", "reporting_mode", "is_funded", "latitude", "longitude", "tilt_degrees", "azimuth_degrees", "zip_code",
    "town", "programme", "programme_from_on", "programme_until_on", "factor",
)  # fmt: skip
METER_COLUMNS = (
    "system", "serial", "make", "model", "accuracy_class_percent", "ansi_standard", "ct_ratio", "ct_class_percent",
    "tested_on", "seal", "initial_kwh", "initial_at", "modulus_kwh", "is_revenue_grade", "is_das",
)  # fmt: skip
READING_COLUMNS = ("system", "serial", "make", "read_at", "register_kwh")

COLUMNS = {Layout.SYSTEMS: SYSTEM_COLUMNS, Layout.METERS: METER_COLUMNS, Layout.READINGS: READING_COLUMNS}
"""What each table may hold; the order in a file is free."""
NEEDED = {
    Layout.SYSTEMS: ("pts_id", "capacity_kw_dc"),
    Layout.METERS: ("system", "serial"),
    Layout.READINGS: ("system", "serial", "read_at", "register_kwh"),
}
"""The columns that each table must have, and each row must fill."""


def check_heading(layout: Layout, heading: Sequence[str]) -> tuple[RowFinding, ...]:
    """Return what is wrong with a table's first line. Citation: `citations.BULK_ROWS`."""
    if len(heading) == 1 and (";" in heading[0] or "\t" in heading[0]):
        sign = "semicolons" if ";" in heading[0] else "tabs"
        text = f"the columns are separated by {sign}: export the file with commas (CSV UTF-8)"
        return (RowFinding(1, "", "SEPARATOR", text),)
    known = ", ".join(COLUMNS[layout])
    findings = [
        RowFinding(1, name, "UNKNOWN_COLUMN", f"{name!r:.60} is no column of {layout}: its columns are {known}")
        for name in heading
        if name not in COLUMNS[layout]
    ]
    findings += [
        RowFinding(1, name, "COLUMN_TWICE", f"column {name} is there twice: keep one of them")
        for name in sorted({name for name in heading if heading.count(name) > 1 and name in COLUMNS[layout]})
    ]
    findings += [
        RowFinding(1, name, "COLUMN_MISSING", f"column {name} is not there: {layout} cannot be read without it")
        for name in NEEDED[layout]
        if name not in heading
    ]
    return tuple(findings)


def read_system_row(line: int, cells: Mapping[str, str]) -> SystemRow | tuple[RowFinding, ...]:
    """Return a row of systems, or everything wrong with it; an empty cell says nothing.

    Citation: `citations.BULK_ROWS`.
    """
    row = _Row(line, cells)
    pts_id = row.read("pts_id", fields.read_pts_id, needed=True)
    name = row.read("name", fields.read_text) or ""
    row.need("capacity_kw_dc")
    details = _system_details(row)
    programme = _programme(row, pts_id or "")
    if row.findings or pts_id is None:
        return tuple(row.findings)
    return SystemRow(line, pts_id, name, details, programme)


def read_meter_row(line: int, cells: Mapping[str, str]) -> MeterRow | tuple[RowFinding, ...]:
    """Return a row of meters, or everything wrong with it; an empty cell says nothing.

    Citation: `citations.BULK_ROWS`.
    """
    row = _Row(line, cells)
    system = row.read("system", fields.read_pts_id, needed=True)
    serial = row.read("serial", fields.read_name, needed=True)
    make = row.read("make", fields.read_text) or ""
    model = row.read("model", fields.read_name) or ""
    details = _meter_details(row)
    if row.findings or system is None or serial is None:
        return tuple(row.findings)
    return MeterRow(line, system, serial, make, model, details)


def read_reading_row(line: int, cells: Mapping[str, str]) -> ReadingRow | tuple[RowFinding, ...]:
    """Return a row of historic readings, or everything wrong with it. Citation: `citations.BULK_ROWS`."""
    row = _Row(line, cells)
    system = row.read("system", fields.read_pts_id, needed=True)
    serial = row.read("serial", fields.read_name, needed=True)
    make = row.read("make", fields.read_text) or ""
    read_at = row.read("read_at", fields.read_instant, needed=True)
    register_wh = row.read_scaled("register_kwh", fields.KILOWATT_HOURS, needed=True)
    if row.findings or system is None or serial is None or read_at is None or register_wh is None:
        return tuple(row.findings)
    return ReadingRow(line, system, serial, make, read_at, register_wh)


def read_system_details(cells: Mapping[str, str]) -> SystemDetails | tuple[RowFinding, ...]:
    """Return what is said of a system, by the names of the columns. Citation: `citations.BULK_ROWS`."""
    row = _Row(0, cells)
    details = _system_details(row)
    return tuple(row.findings) if row.findings else details


def read_meter_details(cells: Mapping[str, str]) -> MeterDetails | tuple[RowFinding, ...]:
    """Return what is said of a meter, by the names of the columns. Citation: `citations.BULK_ROWS`."""
    row = _Row(0, cells)
    details = _meter_details(row)
    return tuple(row.findings) if row.findings else details


def read_programme(pts_id: str, cells: Mapping[str, str]) -> Programme | tuple[RowFinding, ...] | None:
    """Return the programme that is said of a system, if any, by the names of the columns.

    Citation: `citations.BULK_ROWS`.
    """
    row = _Row(0, cells)
    programme = _programme(row, pts_id)
    return tuple(row.findings) if row.findings else programme


class _Row:
    """The cells of one row, and what was found wrong with them so far."""

    def __init__(self, line: int, cells: Mapping[str, str]) -> None:
        self.line = line
        self.cells = cells
        self.findings: list[RowFinding] = []

    def need(self, column: str) -> bool:
        """Return whether a cell is filled; one that is not is a finding."""
        if self.cells.get(column):
            return True
        self.add(column, ProblemCode.MISSING, f"{column} is empty: every row needs it")
        return False

    def read(self, column: str, parse: Callable[[str], T | Problem], *, needed: bool = False) -> T | None:
        """Return the value of a cell; None where it is empty, or wrong."""
        text = self.cells.get(column)
        if not text:
            if needed:
                self.need(column)
            return None
        value = parse(text)
        if isinstance(value, Problem):
            self.add(column, value.code, value.text)
            return None
        return value

    def read_scaled(self, column: str, scale: fields.Scaled, *, needed: bool = False) -> int | None:
        """Return the number in a cell, in whole smaller units; None as in `read`."""
        return self.read(column, lambda text: fields.read_scaled(text, scale), needed=needed)

    def add(self, column: str, code: str, text: str) -> None:
        """Note what is wrong with a cell."""
        self.findings.append(RowFinding(self.line, column, code, text))


def _system_details(row: _Row) -> SystemDetails:
    details = SystemDetails(
        capacity_w_dc=row.read_scaled("capacity_kw_dc", fields.KILOWATTS),
        technology=row.read("technology", lambda text: fields.read_word(text, Technology)),
        capacity_w_ac=row.read_scaled("capacity_kw_ac", fields.KILOWATTS),
        in_service_on=row.read("in_service_on", fields.read_date),
        annual_wh_estimated=row.read_scaled("annual_kwh_estimated", fields.KILOWATT_HOURS),
        gis_asset=row.read("gis_asset", fields.read_gis_asset),
        reporting_mode=row.read("reporting_mode", lambda text: fields.read_word(text, ReportingMode)),
        is_funded=row.read("is_funded", fields.read_flag),
        latitude_microdegrees=row.read_scaled("latitude", fields.LATITUDE),
        longitude_microdegrees=row.read_scaled("longitude", fields.LONGITUDE),
        tilt_degrees=row.read_scaled("tilt_degrees", fields.TILT),
        azimuth_degrees=row.read_scaled("azimuth_degrees", fields.AZIMUTH),
        zip_code=row.read("zip_code", fields.read_zip),
        town=row.read("town", fields.read_text),
    )
    if not row.findings and (details.latitude_microdegrees is None) != (details.longitude_microdegrees is None):
        empty = "latitude" if details.latitude_microdegrees is None else "longitude"
        row.add(empty, ProblemCode.MISSING, f"{empty} is empty, but the other of the two is not: give both or none")
    return details


def _programme(row: _Row, pts_id: str) -> Programme | None:
    name = row.read("programme", lambda text: fields.read_word(text, ProgrammeName))
    from_on = row.read("programme_from_on", fields.read_date)
    until_on = row.read("programme_until_on", fields.read_date)
    factor_percent = row.read_scaled("factor", fields.FACTOR)
    if row.findings:
        return None
    if name is None:
        for column, value in (
            ("programme_from_on", from_on),
            ("programme_until_on", until_on),
            ("factor", factor_percent),
        ):
            if value is not None:
                row.add(column, ProblemCode.MISSING, f"{column} is said, but not of which programme: give programme")
        return None
    if from_on is None:
        row.add(
            "programme_from_on", ProblemCode.MISSING, f"programme_from_on is empty: say from which day on {name} holds"
        )
        return None
    if until_on is not None and until_on < from_on:
        text = f"programme_until_on {until_on} lies before programme_from_on {from_on}: exchange or correct them"
        row.add("programme_until_on", ProblemCode.OUT_OF_RANGE, text)
    return Programme(pts_id, name, from_on, until_on, 100 if factor_percent is None else factor_percent)


def _meter_details(row: _Row) -> MeterDetails:
    details = MeterDetails(
        accuracy_class_ppm=row.read_scaled("accuracy_class_percent", fields.PERCENT),
        ansi_standard=row.read("ansi_standard", fields.read_text),
        ct_ratio=row.read("ct_ratio", fields.read_ratio),
        ct_class_ppm=row.read_scaled("ct_class_percent", fields.PERCENT),
        tested_on=row.read("tested_on", fields.read_date),
        seal=row.read("seal", fields.read_name),
        initial_wh=row.read_scaled("initial_kwh", fields.KILOWATT_HOURS),
        initial_at=row.read("initial_at", fields.read_instant),
        modulus_wh=row.read_scaled("modulus_kwh", fields.MODULUS_KWH),
        is_revenue_grade=row.read("is_revenue_grade", fields.read_flag),
        is_das=row.read("is_das", fields.read_flag),
    )
    if not row.findings and (details.initial_wh is None) != (details.initial_at is None):
        empty = "initial_kwh" if details.initial_wh is None else "initial_at"
        row.add(empty, ProblemCode.MISSING, f"{empty} is empty, but the other of the two is not: give both or none")
    elif details.initial_wh is not None and details.modulus_wh is not None and details.initial_wh >= details.modulus_wh:
        text = "initial_kwh is not below modulus_kwh, at which the register starts again: correct one of them"
        row.add("initial_kwh", ProblemCode.OUT_OF_RANGE, text)
    return details
