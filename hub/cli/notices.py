"""`meter-hub notices`: which mails are due, sending them, what became of each, and which production is missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.mail_options import Credentials, MailFrom, PagesUrl, Smtp, mail_settings
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.errors import InputError, SettingsError
from hub.exchange.mail import SmtpMailer
from hub.exchange.missing_csv import missing_csv, missing_heading
from hub.exchange.notice_text import thousandths
from hub.formats import count, kilowatt_hours, local_time
from hub.models import notices as models
from hub.rules.instants import format_instant, parse_instant
from hub.rules.quarters import parse_quarter
from hub.services.notice_sources import SOURCES
from hub.services.queue_notices import find_due, queue_notices, write_notice
from hub.services.report_missing import report_missing
from hub.services.send_notices import send_notices
from hub.store import notices_outbox

if TYPE_CHECKING:
    from hub.services.report_missing import MissingQuarter

LISTED_MAX = 1000
EXIT_NOT_SENT = 1
_DRY_URL = "https://this-hub.example"

app = typer.Typer(no_args_is_help=True, help="Mail to people who report, and missing production.")


@app.command()
def due(
    at: Annotated[str, typer.Option(help="The instant to look at, RFC 3339; now unless given.")] = "",
    pages_url: PagesUrl = _DRY_URL,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Show which mails would be written, and send none."""
    moment = parse_instant(at) if at else now_ms()
    with open_data(data, create=False) as database, database.read() as connection:
        notices = [write_notice(one, pages_url, moment) for one in find_due(connection, SOURCES, moment)]
    if as_json:
        shown = [models.due_json(one) for one in notices]
        print_json(models.DueNoticesJson(at=format_instant(moment), notices=shown))
        return
    typer.echo(plain(f"{count(len(notices), 'mail')} due at {local_time(moment)}"))
    for one in notices:
        typer.echo(plain(f"\nTo: {one.name} <{one.address}>"))
        typer.echo(plain(f"Subject: {one.subject}"))
        for line in one.text.splitlines():
            typer.echo(plain(f"  {line}").rstrip())


@app.command()
def send(
    smtp: Smtp = "",
    mail_from: MailFrom = "",
    credentials: Credentials = None,
    pages_url: PagesUrl = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Queue the mails that are due and send what waits, a round of it; exit code 1 if the mail server takes none."""
    settings = mail_settings(smtp, mail_from, credentials, pages_url)
    if settings is None:
        message = "no mail server is named: give --smtp smtp://host:port"
        raise SettingsError(message)
    with open_data(data, create=False) as database, SmtpMailer(settings) as mailer:
        queued = queue_notices(database, SOURCES, settings.pages_url, now_ms())
        sending = send_notices(database, mailer, now_ms)
    trouble = "another program is sending now" if sending.is_elsewhere else sending.trouble
    if as_json:
        shown = models.SendingJson(
            queued=queued,
            sent=sending.sent,
            later=sending.later,
            warnings=list(sending.warnings),
            trouble=trouble,
            more=sending.is_more,
        )
        print_json(shown)
    else:
        typer.echo(f"{queued} queued, {sending.sent} sent, {sending.later} to be tried again")
        more = "there is more to send: run this again" if sending.is_more else ""
        for sentence in (*sending.warnings, trouble, more):
            if sentence:
                typer.echo(plain(sentence), err=True)
    if trouble:
        raise typer.Exit(EXIT_NOT_SENT)


@app.command("list")
def list_notices(
    data: Data = DEFAULT_DATA,
    *,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="How many at most, the newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the mails in the outbox, and what became of each."""
    with open_data(data, create=False) as database, database.read() as connection:
        kept = notices_outbox.list_notices(connection, limit)
    now = now_ms()
    if as_json:
        more = kept[-1].id if len(kept) == limit else None
        print_json(models.NoticesJson(notices=[models.notice_json(one, now) for one in kept], next=more))
        return
    rows = [
        (
            str(one.id),
            local_time(one.notice.made_at),
            one.notice.address,
            one.notice.subject,
            str(one.state_at(now)),
            str(len(one.attempts)),
            one.attempts[-1].answer if one.attempts else "",
        )
        for one in kept
    ]
    print_table(("Mail", "Written", "To", "Subject", "State", "Attempts", "Last answer"), rows)


@app.command()
def missing(
    quarter: Annotated[str, typer.Argument(metavar="YYYY-Qn", help="The quarter, such as 2024-Q1.")],
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write the report to this file, for a spreadsheet.")
    ] = None,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Report which systems lack which months of a quarter."""
    wanted = parse_quarter(quarter)
    now = now_ms()
    with open_data(data, create=False) as database, database.read() as connection:
        report = report_missing(connection, wanted, SOURCES, now)
    if csv_file is not None:
        _write(csv_file, missing_heading() + missing_csv(report.rows))
    if as_json:
        print_json(models.missing_json(report, now))
        return
    _show(report)


def _show(report: MissingQuarter) -> None:
    if not report.months:
        typer.echo(f"no window of {report.quarter} has closed yet: nothing of it is missing")
        return
    months = ", ".join(map(str, report.months))
    typer.echo(plain(f"{count(len(report.rows), 'system')} without production in {report.quarter}, of {months}"))
    rows = [
        (
            row.system,
            row.reporter,
            row.account_holder,
            thousandths(row.capacity_w_dc),
            ", ".join(map(str, row.months)),
            "-" if row.last is None else f"{kilowatt_hours(row.last.register_wh)} at {local_time(row.last.read_at)}",
        )
        for row in report.rows
    ]
    print_table(("System", "Reporter", "Account holder", "kW DC", "Missing", "Last accepted"), rows)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}; choose another file with --csv"
        raise InputError(message) from error
