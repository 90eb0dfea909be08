"""`meter-hub report`: readings by hand in the steps of the regulator, what devices report, and decisions on both."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.errors import InputError
from hub.models import reporting as models
from hub.photos import keep_photo
from hub.rules.acceptance import Outcome, kwh
from hub.rules.fields import Problem, Scaled, read_scaled
from hub.rules.local_times import format_local
from hub.rules.periods import parse_month
from hub.services.correct_reading import decide_submission, request_correction
from hub.services.read_reporting import current_window, list_reporting, read_history
from hub.services.record_experience import CENTS_MAX, record_experience
from hub.services.report_devices import list_waiting, report_devices
from hub.services.submit_reading import parse_reported, preview_reading, submit_reading
from hub.store import submissions
from hub.store.submissions import Experience

EXIT_NOT_ACCEPTED = 1
_DOLLARS = Scaled(2, 0, CENTS_MAX, "dollars", "from 0 to 10000000 dollars")

System = Annotated[str, typer.Argument(help="PTS id of the system.")]
Kwh = Annotated[str, typer.Option("--kwh", help="What the register shows, in kWh, such as 13015.5.")]
At = Annotated[str, typer.Option("--at", help="When it was read, as the clock showed it: `2024-01-31 17:30`.")]
Serial = Annotated[str, typer.Option("--meter", help="Serial number, where the system has several meters.")]
Photo = Annotated[Path | None, typer.Option("--photo", help="A picture of the meter's display.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a sentence.")]

app = typer.Typer(no_args_is_help=True, help="Report readings, see what is missing, decide on what was held.")


@app.command("systems")
def list_systems(
    month: Annotated[str, typer.Option(help="The production month; default: that of the open or next window.")] = "",
    after: Annotated[str, typer.Option(help="Begin after this PTS id.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """List the systems, and which of their meters have a reading for the window's month."""
    now = now_ms()
    window, is_open = current_window(now)
    with open_data(data, create=False) as database, database.read() as connection:
        wanted = parse_month(month) if month else window.month
        lines = list_reporting(connection, wanted, now, after=after)
    if as_json:
        shown = models.ReportingJson(
            window=models.window_json(window, is_open=is_open),
            systems=[models.line_json(line) for line in lines],
            next=lines[-1].system if lines else None,
        )
        print_json(shown)
        return
    state = "open until" if is_open else "opens"
    typer.echo(f"window of {window.month} {state} {format_local(window.closes_at if is_open else window.opens_at)}")
    print_table(
        ("System", "Name", "Reports", "Reported", "Missing", "Of these waiting"),
        [
            (one.system, one.name, one.mode.value, *map(", ".join, (one.reported, one.missing, one.waiting)))
            for one in lines
        ],
    )


@app.command("history")
def show_history(system: System, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show a system's last three periods: readings, what was produced, and operational experience."""
    with open_data(data, create=False) as database, database.read() as connection:
        history = read_history(connection, system)
    if as_json:
        print_json(models.history_json(system, history))
        return
    rows = [
        (
            one.meter.serial,
            str(period.entry.accepted.month),
            format_local(period.entry.accepted.read_at),
            kwh(period.entry.accepted.register_wh),
            "first reading"
            if period.production is None or period.production.production_wh is None
            else kwh(period.production.production_wh),
        )
        for one in history.meters
        for period in one.periods
    ]
    print_table(("Meter", "Month", "Read", "Register", "Production"), rows)
    if history.experience:
        said = [
            (str(one.month), _dollars(one.service_cost_cents), str(one.outage_hours), one.actor, one.note)
            for one in history.experience
        ]
        print_table(("Month", "Service cost", "Hours out of service", "Said by", "What happened"), said)


@app.command("submit")
def submit(
    system: System,
    register_kwh: Kwh,
    at: At = "",
    serial: Serial = "",
    photo: Photo = None,
    data: Data = DEFAULT_DATA,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would become of it, and keep nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Report a reading: accepted it is final. Exit code 1 if it was not accepted."""
    now = now_ms()
    with open_data(data, create=False) as database:
        name = None if photo is None or dry_run else keep_picture(data, photo)
        reported = parse_reported(system, serial, register_kwh, at, now=now, photo=name)
        if dry_run:
            with database.read() as connection:
                answer = preview_reading(connection, reported, now)
        else:
            answer = submit_reading(database, reported, actor=actor(), now=now)
    if as_json:
        print_json(models.answer_json(answer))
    else:
        for line in models.tell(answer):
            typer.echo(plain(line))
    if answer.judgement.outcome not in {Outcome.ACCEPTED, Outcome.DUPLICATE}:
        raise typer.Exit(EXIT_NOT_ACCEPTED)


@app.command("experience")
def experience(
    system: System,
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The production month.")],
    cost: Annotated[str, typer.Option(help="Maintenance, repairs and service, in dollars.")] = "0",
    outage_hours: Annotated[int, typer.Option(help="Hours out of service.")] = 0,
    note: Annotated[str, typer.Option(help="What happened.")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Record the operational experience of a month."""
    cents = read_scaled(cost.strip(), _DOLLARS)
    if isinstance(cents, Problem):
        message = f"the cost {cents.text}"
        raise InputError(message)
    with open_data(data, create=False) as database:
        record_experience(
            database, Experience(system, parse_month(month), now_ms(), actor(), cents, outage_hours, note)
        )
    typer.echo(f"experience of {system} in {month} recorded")


@app.command("list")
def list_submitted(
    system: Annotated[str, typer.Option(help="Only of this system.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those on which staff have to decide.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what was submitted, the latest first."""
    with open_data(data, create=False) as database, database.read() as connection:
        found = (
            submissions.list_undecided(connection, Outcome.REVIEW.value)
            if waiting
            else submissions.list_submissions(connection, system=system or None)
        )
    if as_json:
        print_json(models.SubmissionsJson(submissions=[models.submission_json(one) for one in found]))
        return
    print_table(
        ("Number", "System", "Meter", "Month", "Register", "Read", "By", "Outcome", "Reason"),
        [
            (
                *(str(one.number), one.system, one.serial, str(one.month or ""), kwh(one.register_wh)),
                *(format_local(one.read_at), one.actor, one.outcome, one.reason),
            )
            for one in found
        ],
    )


@app.command("decide")
def decide(
    submission: Annotated[int, typer.Argument(help="Number of the submission.")],
    reason: Reason,
    data: Data = DEFAULT_DATA,
    *,
    approve: Annotated[bool, typer.Option("--approve/--reject", help="Whether the reading counts.")],
    as_json: AsJson = False,
) -> None:
    """Decide on a submission that was held; not by the person who submitted it."""
    with open_data(data, create=False) as database:
        decided = decide_submission(database, submission, approved=approve, actor=actor(), now=now_ms(), reason=reason)
    if as_json:
        print_json(models.decided_json(decided))
        return
    typer.echo(f"submission {submission} is {'approved' if approve else 'rejected'}")
    for run in decided.amended:
        typer.echo(f"{run.month} is amended by run {run.number}")


@app.command("correct")
def correct(
    system: System,
    month: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The production month.")],
    register_kwh: Kwh,
    at: At,
    reason: Reason,
    serial: Serial = "",
    photo: Photo = None,
    audit: Annotated[int | None, typer.Option("--audit", help="Number of the audit on site that shows it.")] = None,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Ask that another reading counts for a month; another person decides on it."""
    now = now_ms()
    with open_data(data, create=False) as database:
        name = None if photo is None else keep_picture(data, photo)
        reported = parse_reported(system, serial, register_kwh, at, now=now, photo=name)
        asked = request_correction(
            database, reported, parse_month(month), actor=actor(), now=now, reason=reason, audit=audit
        )
    if as_json:
        print_json(models.submission_json(asked))
        return
    typer.echo(
        f"submission {asked.number} waits for another person: `meter-hub report decide {asked.number} --approve`"
    )


@app.command("devices")
def devices(
    data: Data = DEFAULT_DATA,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be reported, and report nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Report what devices have read for the open window; `meter-hub serve` does so every minute by itself."""
    now = now_ms()
    with open_data(data, create=False) as database:
        if dry_run:
            with database.read() as connection:
                found = tuple(list_waiting(connection, now))
        else:
            found = report_devices(database, now)
    if as_json:
        print_json(models.DeviceReportsJson(meters=[models.device_report_json(one) for one in found]))
        return
    print_table(
        ("System", "Meter", "Month", "Register", "Outcome", "Why"),
        [
            (
                *(one.system, one.serial, str(one.month), "" if one.reading is None else kwh(one.reading.register_wh)),
                *("" if one.answer is None else one.answer.judgement.outcome.value, one.why),
            )
            for one in found
        ],
    )


def _dollars(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"


def keep_picture(data: Path, photo: Path) -> str:
    """Keep a picture out of a file and return its name; raises InputError for a file that cannot be read or is none."""
    try:
        content = photo.read_bytes()
    except OSError as error:
        message = f"the picture {photo} cannot be read: {error.strerror}; give a photo of the meter's display"
        raise InputError(message) from error
    return keep_photo(data, content)
