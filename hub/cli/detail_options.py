"""Options by which people say what they know of systems and meters: texts, read as those in tables are."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from hub.errors import InputError
from hub.rules import bulk_rows, fields
from hub.rules.fields import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.rules.bulk_rows import RowFinding
    from hub.rules.details import MeterDetails, SystemDetails
    from hub.rules.facts import Programme

T = TypeVar("T", date, int)

CapacityAc = Annotated[str, typer.Option("--capacity-kw-ac", help="Nameplate in kW AC, such as 6.")]
Technology = Annotated[str, typer.Option(help="pv, wind, hydro, biomass or other.")]
InService = Annotated[str, typer.Option("--in-service-on", help="First day of service, YYYY-MM-DD.")]
AnnualKwh = Annotated[str, typer.Option("--annual-kwh", help="Estimated production of a year in kWh.")]
GisAsset = Annotated[str, typer.Option(help="Its unit in the certificate registry, such as NON12345.")]
Mode = Annotated[str, typer.Option("--reporting-mode", help="manual or automatic.")]
Funded = Annotated[str, typer.Option("--funded", help="Whether public money paid for it: yes or no.")]
Latitude = Annotated[str, typer.Option(help="Degrees north, such as 42.262593.")]
Longitude = Annotated[str, typer.Option(help="Degrees east, such as -71.802293.")]
Tilt = Annotated[str, typer.Option(help="Degrees from flat.")]
Azimuth = Annotated[str, typer.Option(help="Degrees clockwise from north: south is 180.")]
ZipCode = Annotated[str, typer.Option("--zip", help="ZIP code, such as 01608.")]
Town = Annotated[str, typer.Option(help="Town.")]
ProgrammeOption = Annotated[str, typer.Option("--programme", help="srec_1, srec_2, class_1 or none.")]
ProgrammeFrom = Annotated[str, typer.Option("--programme-from", help="First day of the programme, YYYY-MM-DD.")]
ProgrammeUntil = Annotated[str, typer.Option("--programme-until", help="Its last day; open unless given.")]
Factor = Annotated[str, typer.Option(help="Certificates for each MWh, such as 0.8; 1 unless given.")]
Accuracy = Annotated[str, typer.Option("--accuracy", help="Accuracy class in percent, such as 0.5.")]
Ansi = Annotated[str, typer.Option("--ansi", help="Standard it was tested by, such as C12.20-2010.")]
CtRatio = Annotated[str, typer.Option(help="Ratio of its current transformers, such as 200:5.")]
CtClass = Annotated[str, typer.Option("--ct-class", help="Their accuracy class in percent, such as 0.3.")]
TestedOn = Annotated[str, typer.Option("--tested-on", help="Day of the last test, YYYY-MM-DD.")]
Seal = Annotated[str, typer.Option(help="Number of its seal.")]
InitialKwh = Annotated[str, typer.Option("--initial-kwh", help="What its register showed when it began.")]
InitialAt = Annotated[str, typer.Option("--initial-at", help="When that was, such as 2016-07-12 12:00.")]
ModulusKwh = Annotated[str, typer.Option("--modulus-kwh", help="Where its register starts again, such as 100000.")]
RevenueGrade = Annotated[str, typer.Option("--revenue-grade", help="yes or no.")]
Das = Annotated[str, typer.Option("--das", help="Whether a device reads and reports it: yes or no.")]
Forget = Annotated[list[str] | None, typer.Option(help="What is not known after all, such as gis_asset; repeatable.")]
Reason = Annotated[str, typer.Option(help="Why it changes.")]


def system_details(said: Mapping[str, str]) -> SystemDetails:
    """Return what the options say of a system, by the columns' names; raises InputError for the first that is wrong."""
    found = bulk_rows.read_system_details(said)
    return _refuse(found) if isinstance(found, tuple) else found


def meter_details(said: Mapping[str, str]) -> MeterDetails:
    """Return what the options say of a meter, likewise."""
    found = bulk_rows.read_meter_details(said)
    return _refuse(found) if isinstance(found, tuple) else found


def programme_of(system: str, said: Mapping[str, str]) -> Programme | None:
    """Return the programme that the options name for a system, likewise."""
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
