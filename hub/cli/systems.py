"""`meter-hub system`: what the hub knows of generating systems, from which day on, and by whose word."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import detail_options as options
from hub.cli.terminal import DEFAULT_DATA, Actor, AsJson, Data, open_data, plain, print_json, print_table, user_name
from hub.clock import now_ms
from hub.errors import InputError
from hub.formats import local_time
from hub.models import facts as models_facts
from hub.models import fleet as models
from hub.rules.periods import date_at
from hub.services.amend_system import Amendment, amend_system
from hub.services.read_details import parse_date, programme_of, system_details
from hub.services.read_facts import read_system
from hub.services.read_fleet import read_systems
from hub.services.register_system import register_system
from hub.services.set_programme import set_programme

if TYPE_CHECKING:
    from hub.rules.facts import Programme, SystemFacts
    from hub.services.read_facts import SystemView

app = typer.Typer(no_args_is_help=True, help="Generating systems.")

PtsId = Annotated[str, typer.Argument(help="PTS id of the system.")]


@app.command("add")
def add_system(
    pts_id: PtsId,
    capacity_kw_dc: Annotated[str, typer.Option(help="Nameplate in kW DC, such as 7.5.")],
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    capacity_kw_ac: options.CapacityAc = "",
    technology: options.Technology = "",
    in_service_on: options.InService = "",
    annual_kwh: options.AnnualKwh = "",
    gis_asset: options.GisAsset = "",
    reporting_mode: options.Mode = "",
    funded: options.Funded = "",
    latitude: options.Latitude = "",
    longitude: options.Longitude = "",
    tilt: options.Tilt = "",
    azimuth: options.Azimuth = "",
    zip_code: options.ZipCode = "",
    town: options.Town = "",
    programme: options.ProgrammeOption = "",
    programme_from: options.ProgrammeFrom = "",
    programme_until: options.ProgrammeUntil = "",
    factor: options.Factor = "",
    actor: Actor = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a generating system; what is said of it at first holds for all the time before."""
    said = {
        "capacity_kw_ac": capacity_kw_ac,
        "technology": technology,
        "in_service_on": in_service_on,
        "annual_kwh_estimated": annual_kwh,
        "gis_asset": gis_asset,
        "reporting_mode": reporting_mode,
        "is_funded": funded,
        "latitude": latitude,
        "longitude": longitude,
        "tilt_degrees": tilt,
        "azimuth_degrees": azimuth,
        "zip_code": zip_code,
        "town": town,
    }
    details = system_details(said)
    begins = _programme(pts_id, programme, programme_from, programme_until, factor)
    who = actor or user_name()
    with open_data(data) as database:
        system = register_system(
            database, pts_id, name, capacity_kw_dc, now_ms(), details=details, programme=begins, actor=who
        )
    if as_json:
        print_json(models.system_json(system, ()))
    else:
        typer.echo(f"system {system.pts_id} {system.name!r}, {system.capacity_kw_dc} kW DC")


@app.command("list")
def list_systems(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the registered systems."""
    with open_data(data, create=False) as database, database.read() as connection:
        systems = [models.system_json(system, meters) for system, meters in read_systems(connection)]
    if as_json:
        print_json(models.SystemsJson(systems=systems))
        return
    rows = [(one.system, one.name, one.capacity_kw_dc, ", ".join(one.meters)) for one in systems]
    print_table(("System", "Name", "kW DC", "Meters"), rows)


@app.command("amend")
def amend(
    pts_id: PtsId,
    effective_on: Annotated[str, typer.Option("--from", help="From which day on it holds, YYYY-MM-DD.")],
    reason: options.Reason,
    capacity_kw_dc: Annotated[str, typer.Option(help="Nameplate in kW DC, such as 9.2.")] = "",
    capacity_kw_ac: options.CapacityAc = "",
    technology: options.Technology = "",
    in_service_on: options.InService = "",
    annual_kwh: options.AnnualKwh = "",
    gis_asset: options.GisAsset = "",
    reporting_mode: options.Mode = "",
    funded: options.Funded = "",
    latitude: options.Latitude = "",
    longitude: options.Longitude = "",
    tilt: options.Tilt = "",
    azimuth: options.Azimuth = "",
    zip_code: options.ZipCode = "",
    town: options.Town = "",
    forget: options.Forget = None,
    actor: Actor = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Change what is known of a system from a day on; what held before goes on to hold before."""
    said = {
        "capacity_kw_dc": capacity_kw_dc,
        "capacity_kw_ac": capacity_kw_ac,
        "technology": technology,
        "in_service_on": in_service_on,
        "annual_kwh_estimated": annual_kwh,
        "gis_asset": gis_asset,
        "reporting_mode": reporting_mode,
        "is_funded": funded,
        "latitude": latitude,
        "longitude": longitude,
        "tilt_degrees": tilt,
        "azimuth_degrees": azimuth,
        "zip_code": zip_code,
        "town": town,
    }
    wanted = Amendment(
        system=pts_id,
        effective_on=parse_date(effective_on),
        reason=reason,
        details=system_details(said),
        forget=tuple(forget or ()),
    )
    with open_data(data, create=False) as database:
        done = amend_system(database, wanted, now_ms(), actor or user_name())
    if as_json:
        print_json(models_facts.system_facts_json(done.facts))
        return
    _print_facts(done.facts)
    if not done.is_new:
        typer.echo("that is what held already: nothing was changed")
    if done.until_on is not None:
        typer.echo(f"from {done.until_on} on other facts hold, said before: amend those too if this is about them")


@app.command("programme")
def set_the_programme(
    pts_id: PtsId,
    programme: Annotated[str, typer.Argument(help="srec_1, srec_2, class_1 or none.")],
    from_on: Annotated[str, typer.Option("--from", help="Its first day, YYYY-MM-DD.")],
    until_on: Annotated[str, typer.Option("--until", help="Its last day; open unless given.")] = "",
    factor: options.Factor = "",
    reason: options.Reason = "",
    actor: Actor = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Say under which programme a system's certificates are created, from a day on."""
    wanted = _programme(pts_id, programme, from_on, until_on, factor)
    if wanted is None:
        message = "name the programme: srec_1, srec_2, class_1 or none"
        raise InputError(message)
    with open_data(data, create=False) as database:
        set_programme(database, wanted, now_ms(), actor or user_name(), reason)
    if as_json:
        print_json(models_facts.programme_json(wanted))
    else:
        typer.echo(f"system {pts_id}: {_told(wanted)}")


@app.command("show")
def show(
    pts_id: PtsId,
    on: Annotated[str, typer.Option(help="As it is on this day, YYYY-MM-DD; today unless named.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is known of a system on a day, and how it came to be known."""
    day = parse_date(on) if on else date_at(now_ms())
    with open_data(data, create=False) as database, database.read() as connection:
        view = read_system(connection, pts_id, day)
    if as_json:
        print_json(models_facts.system_history_json(view))
        return
    _print_facts(view.facts)
    typer.echo(f"programme: {'none' if view.programme is None else _told(view.programme)}")
    _print_history(view)


def _programme(pts_id: str, name: str, from_on: str, until_on: str, factor: str) -> Programme | None:
    said = {"programme": name, "programme_from_on": from_on, "programme_until_on": until_on, "factor": factor}
    return programme_of(pts_id, said)


def _told(programme: Programme) -> str:
    until = "on" if programme.until_on is None else f"to {programme.until_on}"
    return (
        f"{programme.programme} from {programme.from_on} {until}, factor {Decimal(programme.factor_percent).scaleb(-2)}"
    )


def _print_facts(facts: SystemFacts) -> None:
    """Print what is known, a line for each; what is not known has none."""
    shown = models_facts.system_facts_json(facts).model_dump(exclude={"version", "recorded"})
    for name, value in shown.items():
        if value not in {None, ""}:
            typer.echo(plain(f"{name}: {value}"))


def _print_history(view: SystemView) -> None:
    said = [
        (one.recorded, f"from {one.facts.effective_on}: {one.facts.capacity_w_dc} W DC, {one.facts.reporting_mode}")
        for one in view.versions
    ]
    said += [(one.recorded, _told(one.facts)) for one in view.programmes]
    rows = [
        (local_time(recorded.at), recorded.actor, text, recorded.reason)
        for recorded, text in sorted(said, key=lambda one: one[0].at)
    ]
    print_table(("Recorded", "By", "What", "Why"), rows)
