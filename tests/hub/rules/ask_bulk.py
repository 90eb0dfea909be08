"""Cases of tables that bring systems, meters and historic readings in: single values, headings, whole rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.rules import bulk_rows, fields
from hub.rules.bulk_rows import Layout, MeterRow, SystemRow
from hub.rules.facts import ProgrammeName, ReportingMode, Technology
from hub.rules.instants import format_instant
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.rules.bulk_rows import ReadingRow, RowFinding
    from hub.rules.facts import Programme

_KINDS: dict[str, Callable[[str], object]] = {
    "text": fields.read_text,
    "serial": fields.read_name,
    "PTS id": fields.read_pts_id,
    "date": fields.read_date,
    "yes or no": fields.read_flag,
    "ZIP code": fields.read_zip,
    "transformer ratio": fields.read_ratio,
    "GIS asset": fields.read_gis_asset,
    "technology": lambda text: fields.read_word(text, Technology),
    "reporting mode": lambda text: fields.read_word(text, ReportingMode),
    "programme": lambda text: fields.read_word(text, ProgrammeName),
}
_SCALED = {
    "capacity": (fields.KILOWATTS, "W"),
    "energy": (fields.KILOWATT_HOURS, "Wh"),
    "modulus": (fields.MODULUS_KWH, "Wh"),
    "class": (fields.PERCENT, "parts per million"),
    "factor": (fields.FACTOR, "percent"),
    "latitude": (fields.LATITUDE, "millionths of a degree"),
    "longitude": (fields.LONGITUDE, "millionths of a degree"),
    "tilt": (fields.TILT, "degrees"),
    "azimuth": (fields.AZIMUTH, "degrees"),
}


@asks("bulk-values")
def ask_value(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what is kept of a value as it is written, or why it is refused."""
    kind, written = given["kind"], given["written"]
    unit = ""
    found: object
    if kind in _SCALED:
        scale, unit = _SCALED[kind]
        found = fields.read_scaled(written, scale)
    elif kind == "time":
        found = fields.read_instant(written)
        found = format_instant(found) if isinstance(found, int) else found
    else:
        found = _KINDS[kind](written)
    if isinstance(found, fields.Problem):
        return {"refused": str(found.code), "says": found.text}
    shown = ("yes" if found else "no") if isinstance(found, bool) else str(found)
    return {"kept": f"{shown} {unit}".strip()}


@asks("bulk-headings")
def ask_heading(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what is wrong with a table's first line."""
    return {"wrong": _shown(bulk_rows.check_heading(Layout(given["table"]), given["heading"]))}


@asks("bulk-rows")
def ask_row(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what a row says, or everything that is wrong with it."""
    readers: dict[str, Callable[[int, Mapping[str, str]], object]] = {
        "systems": bulk_rows.read_system_row,
        "meters": bulk_rows.read_meter_row,
        "readings": bulk_rows.read_reading_row,
    }
    found = readers[given["table"]](2, given["row"])
    if isinstance(found, tuple):
        return {"wrong": _shown(found)}
    if isinstance(found, SystemRow):
        return {"system": found.pts_id, "says": _said(found.details) | _programme(found.programme)}
    if isinstance(found, MeterRow):
        return {"meter": f"{found.system} {found.serial}", "says": _said(found.details)}
    return _reading(found)


@asks("bulk-options")
def ask_options(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what is said of a system that is known already, and of its programme, or everything wrong with it."""
    details = bulk_rows.read_system_details(given["options"])
    programme = bulk_rows.read_programme("SLF-AB1234-00001", given["options"])
    wrong = [one for part in (details, programme) if isinstance(part, tuple) for one in part]
    if isinstance(details, tuple) or isinstance(programme, tuple):
        return {"wrong": _shown(tuple(wrong))}
    return {"says": _said(details) | _programme(programme)}


def _reading(found: object) -> dict[str, object]:
    row: ReadingRow = found  # type: ignore[assignment]
    return {"meter": f"{row.system} {row.serial}", "at": format_instant(row.read_at), "register_wh": row.register_wh}


def _programme(found: Programme | None) -> dict[str, object]:
    if found is None:
        return {}
    until = {} if found.until_on is None else {"until": str(found.until_on)}
    return {"programme": str(found.programme), "from": str(found.from_on), "percent": found.factor_percent} | until


def _said(details: object) -> dict[str, object]:
    names = details.__class__.__slots__  # type: ignore[attr-defined]
    values = {name: getattr(details, name) for name in names}
    return {
        name: value if isinstance(value, int) else str(value) for name, value in values.items() if value is not None
    }


def _shown(findings: tuple[RowFinding, ...]) -> list[str]:
    return [f"{one.column}: {one.code}" if one.column else one.code for one in findings]
