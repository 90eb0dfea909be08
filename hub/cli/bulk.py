"""`meter-hub bulk`: do one thing to all devices that match, see how far it has come, withdraw what waits."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.device_options import OfAxis, Search, Stands, Tag, Version
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.fleet.axes import stand_at
from hub.fleet.bulks import BulkAction, BulkKind
from hub.fleet.tags import parse_tag
from hub.formats import local_time
from hub.models.bulks import BulksJson, bulk_json, progress_json, started_json
from hub.rules.instants import parse_instant
from hub.services.cancel_bulk import cancel_bulk, find_bulk
from hub.services.start_bulk import BulkWish, command_means, start_bulk
from hub.store import bulk_actions
from hub.store.device_list import DeviceFilter
from protocol.identity import format_device_id

LISTED_MAX = 50


app = typer.Typer(no_args_is_help=True, help="Do one thing to all devices that match, and see what became of it.")

Number = Annotated[int, typer.Argument(help="Number of the bulk, as `bulk list` shows it.", min=1)]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit log.")]


@app.command("start")
def start(
    action: Annotated[BulkKind, typer.Argument(help="What is done to each.")],
    reason: Reason,
    until: Annotated[str, typer.Option(help="When a maintenance, silence or acknowledgement ends by itself.")] = "",
    put: Annotated[
        list[str] | None, typer.Option("--tags", help="A tag for `tag` or `untag`; may be repeated.")
    ] = None,
    search: Search = "",
    version: Version = "",
    tag: Tag = "",
    axis: OfAxis = None,
    stands: Stands = "",
    number: Annotated[
        int | None, typer.Option(help="How many these are; needed for more than 20, and to retire any.", min=0)
    ] = None,
    data: Data = DEFAULT_DATA,
    *,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which these are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Do one thing to all devices that match, or show to which it would be done."""
    wanted = DeviceFilter(search.strip(), version, tag, stand_at(axis, stands))
    told = BulkAction(action, parse_instant(until) if until else None, tuple(map(parse_tag, put or ())))
    with open_data(data, create=False) as database:
        done = start_bulk(
            database,
            BulkWish(wanted, told, number),
            command_means(data),
            actor=actor(),
            now=now_ms(),
            reason=reason,
            is_dry_run=is_dry_run,
        )
    if as_json:
        print_json(started_json(done))
        return
    for device in done.changed:
        typer.echo(plain(f"{format_device_id(device.id)} {device.name}"))
    for one in done.left:
        typer.echo(plain(f"left: {format_device_id(one.device.id)} {one.device.name}: {one.why}"))
    act = "would be done" if done.number is None else f"bulk {done.number} is done"
    typer.echo(f"{action} {act} to {len(done.changed)} devices, {len(done.left)} are left")


@app.command("list")
def list_bulks(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List what was done to many devices at once, the last first."""
    with open_data(data, create=False) as database, database.read() as connection:
        found = bulk_actions.list_bulks(connection, None, LISTED_MAX)
    if as_json:
        print_json(BulksJson(bulks=[bulk_json(one) for one in found], next=None))
        return
    rows = [
        (
            str(one.number),
            one.action.kind.value,
            str(one.devices),
            local_time(one.recorded.at),
            one.recorded.actor,
            one.recorded.reason,
        )
        for one in found
    ]
    print_table(("Number", "What", "Devices", "When", "By", "Why"), rows)


@app.command("show")
def show(number: Number, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show how many commands of a bulk came to what."""
    with open_data(data, create=False) as database, database.read() as connection:
        bulk = find_bulk(connection, number)
        outcomes = bulk_actions.count_outcomes(connection, number)
    if as_json:
        print_json(progress_json(bulk, outcomes))
        return
    typer.echo(plain(f"bulk {number}: {bulk.action.kind} of {bulk.devices} devices, by {bulk.recorded.actor}"))
    print_table(("Outcome", "Commands"), [(outcome.value, str(count)) for outcome, count in outcomes.items()])


@app.command("cancel")
def cancel(number: Number, reason: Reason, data: Data = DEFAULT_DATA) -> None:
    """Withdraw the commands of a bulk that have not been sent; what was sent cannot be taken back."""
    with open_data(data, create=False) as database:
        withdrawn = cancel_bulk(database, number, actor=actor(), now=now_ms(), reason=reason)
    typer.echo(f"{withdrawn} commands of bulk {number} are withdrawn")
