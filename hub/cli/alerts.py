"""`meter-hub alerts`: what the hub would have somebody look at, and what people said of it."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.alerting.life import Silence, Standing
from hub.alerting.rules import Code
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.formats import local_time
from hub.models import alerts as models
from hub.rules.instants import parse_instant
from hub.services.answer_alert import acknowledge_alerts, end_silence, silence_alerts
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.read_alerts import read_open, read_over
from hub.store import alerts

OVER_SHOWN = 100
Until = Annotated[str, typer.Option(help="When it ends by itself, such as 2026-12-01T12:00:00Z.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the audit log.")]

app = typer.Typer(no_args_is_help=True, help="Alerts: list them, look after them, mute them for a while.")


@app.command("list")
def list_alerts(
    standing: Annotated[Standing | None, typer.Option(help="Only those that stand so.")] = None,
    data: Data = DEFAULT_DATA,
    *,
    look: Annotated[bool, typer.Option(help="Look at the fleet first.")] = True,
    as_json: AsJson = False,
) -> None:
    """List the alerts that are not over; with `--standing resolved` the last of those that are."""
    now = now_ms()
    with open_data(data, create=False) as database:
        if look:
            evaluate_alerts(database, 0, now)
        with database.read() as connection:
            is_over = standing is Standing.RESOLVED
            found = read_over(connection, None, OVER_SHOWN) if is_over else read_open(connection, now)
    shown = [one for one in found if standing in {None, one.standing}]
    if as_json:
        print_json(models.AlertsJson(alerts=[models.alert_json(one) for one in shown], next=None))
        return
    rows = [
        (
            *(str(one.kept.number), one.standing.value, one.kept.episode.severity.value, one.kept.episode.code.value),
            *(local_time(one.kept.episode.since_at), one.kept.episode.why),
        )
        for one in shown
    ]
    print_table(("Alert", "Stands", "Severity", "Rule", "Since", "Why"), rows)


@app.command("ack")
def acknowledge(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of the alerts.")],
    until: Until,
    reason: Reason,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Say that somebody looks after these alerts until an instant; all of them or none."""
    until_at = parse_instant(until)
    with open_data(data, create=False) as database:
        done = acknowledge_alerts(database, numbers, until_at, actor=actor(), now=now_ms(), reason=reason)
        with database.read() as connection:
            open_ = {one.kept.number: one for one in read_open(connection, now_ms())}
    if as_json:
        shown = [models.alert_json(open_[one.number]) for one in done]
        print_json(models.AlertsJson(alerts=shown, next=None))
    else:
        typer.echo(plain(f"looked after until {local_time(until_at)}: {', '.join(str(one.number) for one in done)}"))


@app.command("silence")
def silence(
    until: Until,
    reason: Reason,
    rule: Annotated[Code | None, typer.Option(help="The rule to mute; any if none.")] = None,
    subject: Annotated[str, typer.Option(help="The device's id; any if none.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Mute a rule, a device, or one rule of one device, until an instant."""
    wanted = Silence(rule, subject.strip() or None, parse_instant(until))
    with open_data(data, create=False) as database:
        kept = silence_alerts(database, wanted, actor=actor(), now=now_ms(), reason=reason)
    if as_json:
        print_json(models.silence_json(kept))
    else:
        typer.echo(plain(f"silence {kept.number} until {local_time(kept.silence.until_at)}"))


@app.command("unsilence")
def unsilence(
    number: Annotated[int, typer.Argument(help="Number of the silence.")],
    reason: Reason,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Let a silence end now."""
    with open_data(data, create=False) as database:
        end_silence(database, number, actor=actor(), now=now_ms(), reason=reason)
        with database.read() as connection:
            left = alerts.list_silences(connection, now_ms())
    if as_json:
        print_json(models.SilencesJson(silences=[models.silence_json(one) for one in left]))
    else:
        typer.echo(plain(f"silence {number} has ended; {len(left)} are left"))
