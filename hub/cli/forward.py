"""`meter-hub forward`: months to MassCEC's own tracking system, what was sent, and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from hub.cli.forward_options import Pts, PtsCredentials, PtsOperations, PtsUrl, forward_settings
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.errors import SettingsError
from hub.exchange.pts import Verdict
from hub.exchange.pts_doors import open_door
from hub.models import forwards as models
from hub.rules.forwarding import ForwardState, reading_time, register_kwh
from hub.rules.local_times import format_local
from hub.rules.periods import parse_month
from hub.services.forward_month import ForwardOrder, begin_anew, find_call, forward_month, preview, settle_call
from hub.services.plan_forwarding import count_states, plan_month
from hub.store import forwards

if TYPE_CHECKING:
    from hub.exchange.pts import PtsDoor
    from hub.services.forward_month import ForwardRun
    from hub.store.database import Database

EXIT_NOT_TAKEN = 1

app = typer.Typer(no_args_is_help=True, help="Forward months to MassCEC's own tracking system.")

Month = Annotated[str, typer.Argument(help="The production month, such as 2026-10.")]
System = Annotated[str, typer.Argument(help="PTS id of the system.")]
Number = Annotated[int, typer.Argument(metavar="CALL", help="Number of the call.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence.")]
Only = Annotated[list[str] | None, typer.Option("--system", help="Only this system; may be given several times.")]


@app.command("plan")
def plan(month: Month, only: Only = None, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Say of each system what is to be sent of a month, and why nothing is."""
    wanted = parse_month(month)
    with open_data(data, create=False) as database, database.read() as connection:
        plans = tuple(plan_month(connection, wanted, only or None))
    if as_json:
        print_json(models.ForwardPlanJson(month=month, systems=[models.forwarding_json(one) for one in plans]))
        return
    rows = [
        (
            one.system,
            one.state.value,
            "" if one.reading is None else register_kwh(one.reading.register_wh),
            "" if one.reading is None else reading_time(one.reading.read_at),
            one.why,
        )
        for one in plans
    ]
    print_table(("System", "State", "kWh", "Read", "Why"), rows)
    typer.echo(", ".join(f"{count} {state}" for state, count in count_states(plans).items() if count))


@app.command("send")
def send(
    month: Month,
    only: Only = None,
    interface: Pts = None,
    url: PtsUrl = "",
    credentials: PtsCredentials = None,
    operations: PtsOperations = "",
    data: Data = DEFAULT_DATA,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the calls as they would be made.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Let MassCEC try it, and keep nothing there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send what is ready; exit code 1 unless all of it was taken."""
    settings = forward_settings(interface, url, credentials, operations)
    if settings is None:
        message = "say where to: --pts soap or --pts json, with --pts-credentials FILE"
        raise SettingsError(message)
    wanted, door = parse_month(month), open_door(settings)
    with open_data(data, create=False) as database:
        with database.read() as connection:
            plans = tuple(plan_month(connection, wanted, only or None))
        if dry_run:
            for composed in preview(plans, door):
                typer.echo(composed)
            return
        ready = count_states(plans)[ForwardState.READY]
        order = ForwardOrder(wanted, actor(), is_test=test, only=only or None)
        run = _run(database, order, door, ready)
    if as_json:
        print_json(models.run_json(month, run, ready))
    else:
        told = ", ".join(f"{run.count(verdict)} {verdict}" for verdict in Verdict)
        typer.echo(plain(f"{month}: {ready} ready, {len(run.calls)} calls: {told}"))
        if run.stopped is not None:
            typer.echo(plain(f"stopped: {run.stopped}"))
    if run.stopped is not None or run.count(Verdict.TAKEN) < ready:
        raise typer.Exit(EXIT_NOT_TAKEN)


@app.command("list")
def list_calls(
    month: Annotated[str, typer.Option(help="Only calls of this month.")] = "",
    before: Annotated[int | None, typer.Option(help="Only calls before this number.")] = None,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """List the latest calls, the latest first."""
    with open_data(data, create=False) as database, database.read() as connection:
        found = forwards.list_calls(connection, month=parse_month(month) if month else None, before=before)
    if as_json:
        print_json(models.CallsJson(calls=[models.call_json(one) for one in found]))
        return
    rows = [
        (
            str(one.number),
            str(one.month),
            f"{one.door}{' (test)' if one.is_test else ''}",
            format_local(one.sent_at),
            one.actor,
            "no answer" if one.status is None else f"HTTP {one.status}",
        )
        for one in found
    ]
    print_table(("Call", "Month", "Where", "Sent", "By", "Answer"), rows)


@app.command("show")
def show(number: Number, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show a call as it was made, its answer as it came, and what became of each system."""
    with open_data(data, create=False) as database:
        call, items = find_call(database, number)
    if as_json:
        print_json(models.call_shown_json(call, items))
        return
    typer.echo(plain(f"call {call.number} of {call.month} to {call.door}, sent {format_local(call.sent_at)}"))
    typer.echo(plain(call.request))
    typer.echo("no answer" if call.status is None else f"HTTP {call.status}")
    typer.echo(plain(call.body))
    rows = [
        (
            one.reading.system,
            register_kwh(one.reading.register_wh),
            one.verdict or "not answered",
            one.said,
            one.said_by,
        )
        for one in items
    ]
    print_table(("System", "kWh", "Verdict", "Said", "By"), rows)


@app.command("settle")
def settle(
    number: Number,
    system: System,
    verdict: Annotated[Verdict, typer.Argument(help="taken or refused.")],
    reason: Reason,
    data: Data = DEFAULT_DATA,
) -> None:
    """Say what became of a reading where the answer does not."""
    with open_data(data, create=False) as database:
        settle_call(database, number, system, verdict, actor=actor(), now=now_ms(), reason=reason)
    typer.echo(plain(f"call {number}: the reading of {system} was {verdict}"))


@app.command("anew")
def anew(system: System, reason: Reason, data: Data = DEFAULT_DATA) -> None:
    """Say that MassCEC began a system's register anew, so that a lower one can be sent."""
    with open_data(data, create=False) as database:
        begin_anew(database, system, actor=actor(), now=now_ms(), reason=reason)
    typer.echo(plain(f"{system} begins anew: what MassCEC took before bounds nothing any more"))


def _run(database: Database, order: ForwardOrder, door: PtsDoor, ready: int) -> ForwardRun:
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(f"forward {order.month}", total=ready)
        return forward_month(database, order, door, now_ms, lambda systems: bars.advance(task, systems))
