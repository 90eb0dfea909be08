"""`meter-hub channels`: where alerts are told, and what became of each message."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.alerting.rules import Severity
from hub.alerting.telling import DIGEST_MINUTES_MAX, Way
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.cli.webhook_options import WebhookAllow
from hub.clock import now_ms
from hub.exchange.webhooks import Webhooks
from hub.formats import local_time
from hub.keys import ensure_receipt_key
from hub.models import channels as models
from hub.sealing import Sealer
from hub.services.manage_channels import (
    ChannelWish,
    add_channel,
    end_channel,
    find_channel,
    replay_dispatch,
    try_channel,
)
from hub.store import channels, dispatches

Number = Annotated[int, typer.Argument(help="Number of the channel.")]

app = typer.Typer(no_args_is_help=True, help="Where alerts are told: by mail and by webhook.")


@app.command("list")
def list_channels(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List where alerts are told."""
    with open_data(data, create=False) as database, database.read() as connection:
        found = channels.list_channels(connection)
    shown = [models.channel_json(one) for one in found]
    if as_json:
        print_json(models.ChannelsJson(channels=shown))
        return
    rows = [
        (
            *(str(one.channel), one.way, one.target, one.least, str(one.digest_minutes)),
            *("hourly" if one.heartbeat else "", "switched off" if one.failed_at else ""),
        )
        for one in shown
    ]
    print_table(("Channel", "Way", "Where", "At least", "Minutes", "Sign of life", "Stands"), rows)


@app.command()
def add(
    way: Way,
    target: Annotated[str, typer.Argument(help="A mail address, or an address that begins with https://.")],
    least: Annotated[Severity, typer.Option(help="The least severe that is told.")] = Severity.WARNING,
    digest_minutes: Annotated[
        int, typer.Option(help="For how long those that are not critical are gathered.", min=0, max=DIGEST_MINUTES_MAX)
    ] = 60,
    webhook_allow: WebhookAllow = None,
    data: Data = DEFAULT_DATA,
    *,
    heartbeat: Annotated[bool, typer.Option(help="Also a sign of life every hour.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell alerts somewhere; the secret of a webhook is shown this once."""
    wish = ChannelWish(way, target, least, digest_minutes, heartbeat)
    sealer = Sealer(ensure_receipt_key(data))
    with open_data(data, create=False) as database:
        made = add_channel(database, wish, Webhooks(webhook_allow or ()), sealer, actor=actor(), now=now_ms())
    if as_json:
        print_json(models.made_json(made.channel, made.secret))
        return
    typer.echo(plain(f"channel {made.channel.number} to {made.channel.target}"))
    if made.secret:
        typer.echo(f"its secret, shown this once: {made.secret}")


@app.command("test")
def send_test(number: Number, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Let the running hub send a test to a channel, also to one that was switched off."""
    with open_data(data, create=False) as database:
        made = try_channel(database, number, actor=actor(), now=now_ms())
    _print_queued(made, as_json=as_json)


@app.command()
def replay(
    message: Annotated[int, typer.Argument(help="Number of the message.")],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Let the running hub deliver a message once more, under the id that it had."""
    with open_data(data, create=False) as database:
        made = replay_dispatch(database, message, actor=actor(), now=now_ms())
    _print_queued(made, as_json=as_json)


@app.command()
def end(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell a channel nothing more."""
    with open_data(data, create=False) as database:
        end_channel(database, number, actor=actor(), now=now_ms(), reason=reason)
        with database.read() as connection:
            left = channels.list_channels(connection)
    if as_json:
        print_json(models.ChannelsJson(channels=[models.channel_json(one) for one in left]))
    else:
        typer.echo(f"channel {number} has ended; {len(left)} are left")


@app.command("log")
def show_log(
    number: Number,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most, the newest first.")] = 100,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """List the messages to a channel, and what was answered."""
    with open_data(data, create=False) as database, database.read() as connection:
        find_channel(connection, number)
        found = dispatches.list_dispatches(connection, limit, to=number)
    shown = [models.dispatch_json(one) for one in found]
    if as_json:
        following = found[-1].number if len(found) == limit else None
        print_json(models.DispatchesJson(messages=shown, next=following))
        return
    rows = [
        (
            *(str(one.number), local_time(one.dispatch.made_at), json.kind, json.state, str(len(one.attempts))),
            one.attempts[-1].answer if one.attempts else "",
        )
        for one, json in zip(found, shown, strict=True)
    ]
    print_table(("Message", "Made", "About", "Became", "Tries", "Last answer"), rows)


def _print_queued(message: int, *, as_json: bool) -> None:
    if as_json:
        print_json(models.QueuedJson(message=message))
    else:
        typer.echo(f"message {message} waits for the running hub to deliver it")
