"""`meter-hub meter commission`: hold what somebody read from a dial against what the device reads."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json
from hub.clock import now_ms
from hub.fleet.commissioning import Verdict
from hub.models.commissioning import commissioned_json
from hub.services.commission_meter import Look, commission_meter
from hub.services.read_details import parse_kwh, parse_time

EXIT_DIFFERS = 1

app = typer.Typer()


@app.command("commission")
def commission(
    serial: Annotated[str, typer.Argument(help="Serial number of the meter.")],
    system: Annotated[str, typer.Option(help="PTS id of the system it belongs to.")],
    dial_kwh: Annotated[str, typer.Option(help="What its dial showed, in kWh.")],
    at: Annotated[str, typer.Option(help="When, such as `2016-07-12 12:00` in Massachusetts.")],
    make: Annotated[str, typer.Option(help="Maker, if two meters share the serial number.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Sign off a meter by its dial; exit code 1 where it differs. Somebody else than who registered it does."""
    look = Look(system, serial, parse_kwh(dial_kwh), parse_time(at), make)
    with open_data(data, create=False) as database:
        done = commission_meter(database, look, actor=actor(), now=now_ms())
    if as_json:
        print_json(commissioned_json(done))
    else:
        typer.echo(plain(done.text))
    if done.commissioning.verdict is Verdict.DIFFERS:
        raise typer.Exit(EXIT_DIFFERS)
