"""`meter-sim fleet`: a hub's folder with a fleet and its years, to look at or to try things on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - Typer reads annotations at run time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from edge.clock import SystemClock
from simulators.fleet.fill import SYSTEMS, YEARS, Filled, FleetPlan, fill_fleet
from simulators.fleet.plan import SYSTEMS_MAX


def fleet_command(
    into: Annotated[Path, typer.Option("--into", help="The folder of the hub: a new one.")],
    *,
    systems: Annotated[int, typer.Option(min=1, max=SYSTEMS_MAX, help="How many systems.")] = SYSTEMS,
    years: Annotated[int, typer.Option(min=1, max=10, help="How many years lie behind them.")] = YEARS,
    seed: Annotated[int, typer.Option(help="The weather, and who is what.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print what there is as JSON; all else to stderr.")] = False,
) -> None:
    """Fill a new hub's folder with a fleet and its years: serve it with `meter-hub serve --open --broker none`."""
    now = datetime.fromtimestamp(SystemClock().now().wall_ms / 1000, UTC)
    filled = fill_with_progress(FleetPlan(into, now, systems, years, seed), Console(stderr=True))
    if as_json:
        shown = {"folder": str(into), "systems": filled.systems, "months": filled.months}
        typer.echo(json.dumps(shown | {"accounts": filled.accounts, "password": filled.password}))
        return
    typer.echo(f"{filled.systems} systems with {filled.months} months behind them in {into}")
    typer.echo(f"accounts: {', '.join(filled.accounts)}")
    typer.echo(f"password of each: {filled.password}")


def fill_with_progress(plan: FleetPlan, console: Console) -> Filled:
    """Fill a folder and show how far that is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task(f"months of {plan.systems} systems", total=None)
        return fill_fleet(plan, lambda done, every: bars.update(bar, completed=done, total=every))
