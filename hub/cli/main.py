"""`meter-hub`: serve the hub, register systems, devices and meters, look up a month, print the receipt key."""

from __future__ import annotations

import json
import logging
import os
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import (
    alerts,
    audits,
    board,
    bulk,
    calendar,
    changes,
    channels,
    command,
    commission,
    custody,
    device_stage,
    doctor,
    export,
    forward,
    import_csv,
    limits,
    meters,
    months,
    notices,
    operate,
    people,
    register,
    report,
    statement,
    systems,
    thresholds,
)
from hub.cli.certificate_options import WatchCertificate, WatchRevocations
from hub.cli.forward_options import Pts, PtsCredentials, PtsOperations, PtsUrl, forward_settings
from hub.cli.mail_options import Credentials, MailFrom, PagesUrl, Smtp, mail_settings
from hub.cli.metrics_options import MetricsToken
from hub.cli.oidc_options import OidcClient, OidcIssuer, OidcName, OidcSecret, oidc_settings
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, open_data, plain, print_json, print_table
from hub.cli.webhook_options import WebhookAllow
from hub.config import HubSettings, parse_broker, parse_certificates, parse_listen
from hub.errors import HubError
from hub.formats import kilowatt_hours, local_time
from hub.keys import ensure_command_key, ensure_receipt_key
from hub.logs import LogForm, set_up_logging
from hub.models import fleet as models
from hub.rules.periods import parse_month
from hub.services.compute_production import compute_month
from hub.services.read_events import EVENTS_MAX, read_events
from protocol.custody.receiver import SafePolicy

if TYPE_CHECKING:
    from hub.store.meter_events import EventReading

EXIT_WRONG_INPUT = 2
NO_BROKER = "none"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
systems.app.add_typer(limits.app)
app.add_typer(systems.app, name="system")
register.device_app.add_typer(device_stage.app)
app.add_typer(register.device_app, name="device")
register.meter_app.add_typer(meters.app)
register.meter_app.add_typer(commission.app)
app.add_typer(register.meter_app, name="meter")
app.add_typer(import_csv.app)
app.add_typer(custody.app)
app.add_typer(operate.app)
app.add_typer(doctor.app)
app.add_typer(command.app, name="command")
app.add_typer(bulk.app, name="bulk")
app.add_typer(months.app, name="months")
app.add_typer(report.app, name="report")
app.add_typer(people.account_app, name="account")
people.audit_app.add_typer(audits.app)
app.add_typer(people.audit_app, name="audit")
app.add_typer(changes.app, name="change")
app.add_typer(forward.app, name="forward")
app.add_typer(export.app, name="export")
app.add_typer(statement.app)
app.add_typer(board.app)
alerts.app.add_typer(thresholds.app, name="thresholds")
app.add_typer(alerts.app, name="alerts")
app.add_typer(channels.app, name="channels")
app.add_typer(calendar.app)
app.add_typer(notices.app, name="notices")


def main() -> None:
    """Run `meter-hub`; what a person or the world caused is one sentence and exit code 2."""
    try:
        app()
    except HubError as error:
        typer.echo(f"meter-hub: {error}", err=True)
        sys.exit(EXIT_WRONG_INPUT)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer passes an option's value by position
    if wanted:
        typer.echo(f"meter-hub {version('meterline')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    pass


@app.command()
def serve(
    data: Data = DEFAULT_DATA,
    broker: Annotated[
        str, typer.Option(help="The broker to hear, or `none` for pages only.")
    ] = "mqtt://127.0.0.1:1883",
    listen: Annotated[
        str, typer.Option(help="Where pages and API answer; port 0 takes a free one.")
    ] = "127.0.0.1:8080",
    safe: Annotated[
        SafePolicy,
        typer.Option(
            help="When devices may let go of blocks: `hold`, once a verified backup holds them; `commit`, once stored "
            "here, for storage that replicates each commit synchronously."
        ),
    ] = SafePolicy.HOLD,
    smtp: Smtp = "",
    mail_from: MailFrom = "",
    smtp_credentials: Credentials = None,
    pages_url: PagesUrl = "",
    metrics_token_file: MetricsToken = None,
    webhook_allow: WebhookAllow = None,
    watch_certificate: WatchCertificate = None,
    watch_crl: WatchRevocations = None,
    oidc_issuer: OidcIssuer = "",
    oidc_client: OidcClient = "",
    oidc_secret_file: OidcSecret = None,
    oidc_name: OidcName = "",
    pts: Pts = None,
    pts_url: PtsUrl = "",
    pts_credentials: PtsCredentials = None,
    pts_operations: PtsOperations = "",
    *,
    is_open: Annotated[
        bool,
        typer.Option("--open", help="Let whoever reaches the pages and the API look at all of it without signing in."),
    ] = False,
    log: Annotated[LogForm, typer.Option("--log", help="How the log is written.")] = LogForm.TEXT,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more than warnings, each request too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take blocks from the broker, and serve pages and API until told to end."""
    # The server and its imports are wanted by this command only.
    from hub.serve import serve as run_server  # noqa: PLC0415 - only this command wants the server

    settings = HubSettings(
        data_folder=data.absolute(),
        broker=None if broker == NO_BROKER else parse_broker(broker),
        listen=parse_listen(listen),
        safe=safe,
        mail=mail_settings(smtp, mail_from, smtp_credentials, pages_url),
        forward=forward_settings(pts, pts_url, pts_credentials, pts_operations),
        is_open=is_open,
        metrics_token=metrics_token_file,
        webhook_allow=tuple(webhook_allow or ()),
        certificates=parse_certificates(watch_certificate or ()),
        crl=watch_crl,
        oidc=oidc_settings(oidc_issuer, oidc_client, oidc_secret_file, oidc_name),
    )
    set_up_logging(sys.stderr, os.environ, log, logging.INFO if verbose else logging.WARNING)

    def announce(url: str) -> None:
        typer.echo(json.dumps({"url": url}) if as_json else f"Meterline hub: {url}")
        sys.stdout.flush()

    run_server(settings, announce)


@app.command()
def key(
    data: Data = DEFAULT_DATA,
    *,
    of_commands: Annotated[bool, typer.Option("--command", help="The key of commands, not that of receipts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the public key of the hub's receipts as PEM, for the devices; made on first use."""
    public = (ensure_command_key(data) if of_commands else ensure_receipt_key(data)).public
    pem = public.to_pem().decode("ascii")
    typer.echo(json.dumps({"key_id": public.key_id.hex(), "pem": pem}) if as_json else pem, nl=as_json)


@app.command()
def events(
    system: Annotated[str, typer.Argument(help="PTS id of the system.")],
    data: Data = DEFAULT_DATA,
    *,
    limit: Annotated[int, typer.Option(min=1, max=EVENTS_MAX, help="How many at most, the newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what happened to a system's meters: exchanges, resets, registers that moved as they cannot."""
    with open_data(data, create=False) as database, database.read() as connection:
        found = read_events(connection, system, limit)
    if as_json:
        print_json(models.EventsJson(system=system, events=[models.event_json(event) for event in found]))
        return
    rows = [
        (
            local_time(event.stated.at),
            event.stated.serial,
            event.text,
            *(_event_reading(reading) for reading in (event.stated.before, event.stated.after)),
        )
        for event in found
    ]
    print_table(("When", "Meter", "What", "Before", "After"), rows)


def _event_reading(reading: EventReading | None) -> str:
    if reading is None:
        return "-"
    shown = f"{reading.raw:,} counts" if reading.register_wh is None else kilowatt_hours(reading.register_wh)
    return f"{shown} at {local_time(reading.read_at)}"


@app.command()
def month(
    system: Annotated[str, typer.Argument(help="PTS id of the system.")],
    production_month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The production month.")],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Print what a system generated in a month, and the two readings it comes from."""
    wanted = parse_month(production_month)
    with open_data(data, create=False) as database, database.read() as connection:
        computed = compute_month(connection, system, wanted)
    if as_json:
        print_json(models.month_json(computed))
        return
    production = computed.production
    energy = "no number" if production.production_wh is None else kilowatt_hours(production.production_wh)
    completeness = "complete" if production.complete else "not complete"
    lines = [f"{computed.system.pts_id} {production.month}: {energy} ({completeness})"]
    for part in computed.meters:
        for label, reading in (("from", part.production.opening), ("to", part.production.closing)):
            if reading is not None:
                register, read_at = kilowatt_hours(reading.register_wh), local_time(reading.read_at)
                lines.append(f"  meter {part.meter.serial} {label} {register} at {read_at}")
        lines.append(f"  {part.production.basis}")
        lines += [f"  {finding.kind}: {finding.text}" for finding in part.production.findings]
    for line in lines:
        typer.echo(plain(line))
