"""Read what people say of systems and meters in texts, as in the columns of tables."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NoReturn, TypeVar

from hub.errors import InputError
from hub.rules import bulk_rows, fields
from hub.rules.fields import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.rules.bulk_rows import RowFinding
    from hub.rules.details import MeterDetails, SystemDetails
    from hub.rules.facts import Programme

T = TypeVar("T", date, int)


def system_details(said: Mapping[str, str]) -> SystemDetails:
    """Return what is said of a system, by the columns' names; raises InputError for the first that is wrong."""
    found = bulk_rows.read_system_details(said)
    return _refuse(found) if isinstance(found, tuple) else found


def meter_details(said: Mapping[str, str]) -> MeterDetails:
    """Return what is said of a meter, likewise."""
    found = bulk_rows.read_meter_details(said)
    return _refuse(found) if isinstance(found, tuple) else found


def programme_of(system: str, said: Mapping[str, str]) -> Programme | None:
    """Return the programme that is named for a system, None where none is, likewise."""
    found = bulk_rows.read_programme(system, said)
    return _refuse(found) if isinstance(found, tuple) else found


def parse_date(text: str) -> date:
    """Return the date; raises InputError for anything else."""
    return _whole(fields.read_date(text))


def parse_time(text: str) -> int:
    """Return the instant (UTC ms) of a time in Massachusetts, or of one with its zone; raises InputError likewise."""
    return _whole(fields.read_instant(text))


def parse_kwh(text: str) -> int:
    """Return kWh as exact Wh; raises InputError for anything else."""
    return _whole(fields.read_scaled(text, fields.KILOWATT_HOURS))


def _refuse(findings: tuple[RowFinding, ...]) -> NoReturn:
    first = findings[0]
    message = first.text if first.text.startswith(first.column) else f"{first.column}: {first.text}"
    raise InputError(message)


def _whole(value: T | Problem) -> T:
    if isinstance(value, Problem):
        raise InputError(value.text)
    return value
