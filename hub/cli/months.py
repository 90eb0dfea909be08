"""`meter-hub months`: look at a month, close it, amend it, and draw it up again to see whether it is the same."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.formats import count, kilowatt_hours
from hub.models import months as models
from hub.rules.analysis import ReviewDecision
from hub.rules.closing import RunKind
from hub.rules.local_times import format_local
from hub.rules.periods import parse_month
from hub.rules.windows import window_of
from hub.services.analyse_month import analyse_month, review_finding
from hub.services.close_month import close_month
from hub.services.compute_production import find_system
from hub.services.verify_month import verify_month
from hub.store import months, system_meters
from hub.store.reviews import Review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub.store.database import Database

EXIT_DIFFERS = 1
Month = Annotated[str, typer.Argument(metavar="YYYY-MM", help="The production month.")]

app = typer.Typer(no_args_is_help=True, help="Reported months: run over them, show them, verify them.")


@app.command("run")
def run_month(
    month: Month,
    kind: Annotated[
        RunKind,
        typer.Option(
            help="`provisional` binds nobody, `close` fixes the month, `amend` keeps what comes out otherwise."
        ),
    ] = RunKind.PROVISIONAL,
    reason: Annotated[str, typer.Option(help="Why an amendment is made.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Go over a month of all systems."""
    wanted = parse_month(month)
    with open_data(data, create=False) as database, _bar(database, f"{kind.value} {month}") as on_progress:
        run, result = close_month(
            database, wanted, kind, actor=actor(), now=now_ms(), reason=reason, on_progress=on_progress
        )
    if as_json:
        print_json(models.run_json(run, result))
        return
    counted = (
        f"run {run.number}, {run.kind}, of {run.month}: {count(result.systems, 'system')}, {result.reported} reported, "
        f"{result.estimated} estimated, {result.partial} in part, {result.missing} missing"
    )
    typer.echo(plain(counted))
    typer.echo(plain(f"{kilowatt_hours(result.production_wh)} in all; sealed as {result.sha256}"))


@app.command("list")
def list_months(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the runs over months, in their order."""
    with open_data(data, create=False) as database, database.read() as connection:
        runs = [models.run_json(run, result) for run, result in months.list_runs(connection)]
    if as_json:
        typer.echo(json.dumps({"runs": [run.model_dump() for run in runs]}))
        return
    headings = ("Run", "Month", "Kind", "Systems", "Reported", "Estimated", "Part", "Missing", "Energy", "Reason")
    print_table(
        headings,
        [
            (
                *(str(run.run), run.month, run.kind, str(run.systems), str(run.reported), str(run.estimated)),
                *(str(run.partial), str(run.missing), kilowatt_hours(run.production_wh), run.reason),
            )
            for run in runs
        ],
    )


@app.command("show")
def show_months(
    system: Annotated[str, typer.Argument(help="PTS id of the system.")],
    data: Data = DEFAULT_DATA,
    *,
    every_version: Annotated[bool, typer.Option("--every-version", help="Also what was replaced.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a system's months as they were reported, the latest first."""
    with open_data(data, create=False) as database, database.read() as connection:
        pts_id = find_system(connection, system).pts_id
        rows = months.list_system_months(connection, pts_id, every_version=every_version)
    if as_json:
        print_json(models.ReportedMonthsJson(system=pts_id, months=[models.reported_json(row) for row in rows]))
        return
    print_table(
        ("Month", "Version", "State", "Energy", "True-up"),
        [
            (
                str(row.month),
                str(row.version),
                row.state,
                "no number" if row.production_wh is None else kilowatt_hours(row.production_wh),
                "needed" if row.is_true_up else "",
            )
            for row in rows
        ],
    )


@app.command("window")
def show_window(month: Month, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show when a month can be reported, and what it is."""
    wanted = parse_month(month)
    window = window_of(wanted)
    with open_data(data, create=False) as database, database.read() as connection:
        state = models.state_json(wanted, window, months.list_runs(connection, wanted))
    if as_json:
        print_json(state)
        return
    typer.echo(
        f"{month} is {state.state}; it can be reported from {format_local(window.opens_at)} "
        f"until {format_local(window.closes_at)}"
    )


@app.command("erratic")
def list_erratic(
    month: Month,
    data: Data = DEFAULT_DATA,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also what is settled.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what was found of systems' months, in the order in which staff should look."""
    with open_data(data, create=False) as database, database.read() as connection:
        found = [one for one in analyse_month(connection, parse_month(month)) if every or not one.is_settled]
    if as_json:
        print_json(models.ErraticsJson(month=month, found=[models.erratic_json(one) for one in found]))
        return
    print_table(
        ("System", "Finding", "Severity", "Decided", "Text"),
        [
            (one.system, one.finding.code.value, one.finding.severity.value, one.decided or "", one.finding.text)
            for one in found
        ],
    )


@app.command("review")
def review(
    system: Annotated[str, typer.Argument(help="PTS id of the system.")],
    month: Month,
    code: Annotated[str, typer.Argument(help="The finding, such as BELOW_EXPECTED.")],
    decision: Annotated[ReviewDecision, typer.Option(help="What is decided.")],
    reason: Annotated[str, typer.Option(help="What was found out.")],
    evidence: Annotated[str, typer.Option(help="What shows it, such as the name of a picture.")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Decide on a finding of a system's month."""
    decided = Review(system, parse_month(month), code, now_ms(), actor(), decision.value, reason, evidence)
    with open_data(data, create=False) as database:
        review_finding(database, decided)
    typer.echo(f"{code} of {system} in {month}: {decision.value}")


@app.command("verify")
def verify(month: Month, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Draw a month up again from the ledger; exit code 1 if anything comes out otherwise than it was kept."""
    with open_data(data, create=False) as database, _bar(database, f"verify {month}") as on_progress:
        verified = verify_month(database, parse_month(month), on_progress)
    if as_json:
        print_json(models.verified_json(verified))
    else:
        for difference in verified.differences:
            typer.echo(plain(difference))
        told = f"{len(verified.differences)} differ" if verified.differences else "all the same, bit for bit"
        again = f"{count(verified.systems, 'system month')} of {count(verified.runs, 'run')} again"
        typer.echo(plain(f"{month}: {again}: {told}"))
    if verified.differences:
        raise typer.Exit(EXIT_DIFFERS)


@contextmanager
def _bar(database: Database, what: str) -> Iterator[Callable[[int], object]]:
    """Show on standard error how many of the systems are done."""
    with database.read() as connection:
        total = system_meters.count_systems(connection)
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda systems: bars.advance(task, systems)
