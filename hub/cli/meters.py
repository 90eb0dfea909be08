"""`meter-hub meter`: what the hub knows of meters, and how one takes the place of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import detail_options as options
from hub.cli.terminal import DEFAULT_DATA, Actor, AsJson, Data, open_data, plain, print_json, print_table, user_name
from hub.clock import now_ms
from hub.formats import kilowatt_hours, local_time
from hub.models import facts as models_facts
from hub.rules.periods import date_at
from hub.services.compute_production import find_system
from hub.services.decide_exchange import ExchangeDecision, decide_exchange
from hub.services.describe_meter import Description, describe_meter
from hub.services.exchange_meter import ExchangeRequest, exchange_meter
from hub.services.find_meter import find_meter
from hub.services.read_details import meter_details, parse_kwh, parse_time
from hub.services.read_facts import list_meter_findings
from hub.store import exchanges, meter_facts

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts
    from hub.store.exchanges import Exchange

app = typer.Typer(no_args_is_help=True)

Serial = Annotated[str, typer.Argument(help="Serial number of the meter.")]
SystemOption = Annotated[str, typer.Option("--system", help="PTS id of the system it belongs to.")]
Make = Annotated[str, typer.Option(help="Maker, if two meters share the serial number.")]


@app.command("describe")
def describe(
    serial: Serial,
    system: SystemOption,
    make: Make = "",
    accuracy: options.Accuracy = "",
    ansi: options.Ansi = "",
    ct_ratio: options.CtRatio = "",
    ct_class: options.CtClass = "",
    tested_on: options.TestedOn = "",
    seal: options.Seal = "",
    initial_kwh: options.InitialKwh = "",
    initial_at: options.InitialAt = "",
    modulus_kwh: options.ModulusKwh = "",
    revenue_grade: options.RevenueGrade = "",
    das: options.Das = "",
    forget: options.Forget = None,
    reason: options.Reason = "",
    actor: Actor = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Say how exact a meter is, what proves that, what it began with, and where its register starts again."""
    said = {
        "accuracy_class_percent": accuracy,
        "ansi_standard": ansi,
        "ct_ratio": ct_ratio,
        "ct_class_percent": ct_class,
        "tested_on": tested_on,
        "seal": seal,
        "initial_kwh": initial_kwh,
        "initial_at": initial_at,
        "modulus_kwh": modulus_kwh,
        "is_revenue_grade": revenue_grade,
        "is_das": das,
    }
    wanted = Description(
        system=system,
        serial=serial,
        make=make,
        reason=reason,
        details=meter_details(said),
        forget=tuple(forget or ()),
    )
    with open_data(data, create=False) as database:
        known = describe_meter(database, wanted, now_ms(), actor or user_name())
        with database.read() as connection:
            _warn(connection, known)
    _print_meter(known, as_json=as_json)


@app.command("show")
def show(
    serial: Serial,
    system: SystemOption,
    make: Make = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is known of a meter."""
    with open_data(data, create=False) as database, database.read() as connection:
        meter = find_meter(connection, system, serial, make)
        known = meter_facts.find_meter_facts(connection, meter.id)
        assert known is not None, "a registered meter has facts"
        _warn(connection, known)
    _print_meter(known, as_json=as_json)


@app.command("exchange")
def exchange(
    serial: Serial,
    system: SystemOption,
    at: Annotated[str, typer.Option(help="When it was replaced, such as 2016-07-12 12:00.")],
    final_kwh: Annotated[str, typer.Option("--final-kwh", help="What the old meter showed last.")],
    new_serial: Annotated[str, typer.Option("--new-serial", help="Serial number of the new meter.")],
    initial_kwh: Annotated[str, typer.Option("--initial-kwh", help="What the new meter showed first.")],
    evidence: Annotated[str, typer.Option(help="SHA-256 of a picture or protocol that shows both registers.")],
    make: Make = "",
    new_make: Annotated[str, typer.Option("--new-make", help="Maker of the new meter.")] = "",
    new_model: Annotated[str, typer.Option("--new-model", help="Its model.")] = "",
    actor: Actor = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Say that a meter was exchanged for another; it counts once somebody else approves it."""
    wanted = ExchangeRequest(
        system=system,
        serial=serial,
        at=parse_time(at),
        final_wh=parse_kwh(final_kwh),
        new_serial=new_serial,
        initial_wh=parse_kwh(initial_kwh),
        evidence=evidence,
        make=make,
        new_make=new_make,
        new_model=new_model,
    )
    with open_data(data, create=False) as database:
        asked = exchange_meter(database, wanted, now_ms(), actor or user_name())
    _print_exchange(asked, as_json=as_json)


@app.command("approve-exchange")
def approve_exchange(
    number: Annotated[int, typer.Argument(help="Number of the exchange.")],
    reason: Annotated[str, typer.Option(help="Why; needed to refuse.")] = "",
    actor: Actor = "",
    data: Data = DEFAULT_DATA,
    *,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse it instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Approve a meter exchange that somebody else asked for; then the old meter ends and the new one begins."""
    decided = ExchangeDecision(number, is_approved=not refuse, reason=reason)
    with open_data(data, create=False) as database:
        done = decide_exchange(database, decided, now_ms(), actor or user_name())
    _print_exchange(done, as_json=as_json)


@app.command("exchanges")
def list_exchanges(
    system: Annotated[str, typer.Option("--system", help="Only those of this system.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait for a decision.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the meter exchanges."""
    with open_data(data, create=False) as database, database.read() as connection:
        pts_id = find_system(connection, system).pts_id if system else None
        found = exchanges.list_exchanges(connection, pts_id, is_waiting=True if waiting else None)
    if as_json:
        print_json(models_facts.ExchangesJson(exchanges=[models_facts.exchange_json(one) for one in found]))
        return
    rows = [
        (
            str(one.number),
            one.asked.system,
            local_time(one.asked.at),
            kilowatt_hours(one.asked.final_wh),
            f"{one.asked.new_make} {one.asked.new_serial}".strip(),
            kilowatt_hours(one.asked.initial_wh),
            one.asked.requested_by,
            _state(one),
        )
        for one in found
    ]
    print_table(("Number", "System", "At", "Final", "New meter", "Initial", "Asked by", "State"), rows)


def _state(one: Exchange) -> str:
    if one.decision is None:
        return "waits for a decision"
    return f"{'approved' if one.decision.approved else 'refused'} by {one.decision.decided_by}"


def _print_exchange(one: Exchange, *, as_json: bool) -> None:
    if as_json:
        print_json(models_facts.exchange_json(one))
        return
    typer.echo(plain(f"exchange {one.number} of system {one.asked.system}, asked for by {one.asked.requested_by}"))
    typer.echo(plain(f"new meter {one.asked.new_serial} from {local_time(one.asked.at)} on: {_state(one)}"))


def _warn(connection: Connection, known: MeterFacts) -> None:
    """Say on standard error what speaks against a meter."""
    for finding in list_meter_findings(connection, known, date_at(now_ms())):
        typer.echo(plain(f"warning: {finding.text}"), err=True)


def _print_meter(known: MeterFacts, *, as_json: bool) -> None:
    """Print what is known, a line for each; what is not known has none."""
    shown = models_facts.meter_facts_json(known)
    if as_json:
        print_json(shown)
        return
    for name, value in shown.model_dump(exclude={"meter", "version"}).items():
        if value not in {None, ""}:
            typer.echo(plain(f"{name}: {value}"))
