"""`meter-hub audit record`, `list` and `show`: audits on site, and what they say of what was reported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.report import At, Kwh, Photo, Serial, System, keep_picture
from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.models import audits as models
from hub.rules.acceptance import kwh
from hub.rules.local_times import format_local
from hub.services.compute_production import find_system
from hub.services.read_audits import read_audit, view_audit
from hub.services.record_audit import parse_audited, record_audit
from hub.store import site_audits

if TYPE_CHECKING:
    from hub.services.read_audits import AuditView

EXIT_EXCEEDS = 1

app = typer.Typer(no_args_is_help=True)


@app.command("record")
def record(
    system: System,
    register_kwh: Kwh,
    at: At,
    auditor: Annotated[str, typer.Option("--auditor", help="Name of the auditor who read the meter.")],
    serial: Serial = "",
    make: Annotated[str, typer.Option(help="Maker, if two meters share the serial number.")] = "",
    photo: Photo = None,
    note: Annotated[str, typer.Option(help="What else was seen.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Record what an auditor read on site. Exit code 1 if what was reported is not within one per cent of it."""
    audited = parse_audited(system, serial, register_kwh, at, auditor, make=make, note=note, photo=None)
    with open_data(data, create=False) as database:
        if photo is not None:
            audited = replace(audited, photo=keep_picture(data, photo))
        recorded = record_audit(database, audited, actor=actor(), now=now_ms())
        with database.read() as connection:
            view = view_audit(connection, recorded)
    _print(view, as_json=as_json)
    if not recorded.audit.found.is_within:
        raise typer.Exit(EXIT_EXCEEDS)


@app.command("list")
def list_audits(
    system: Annotated[str, typer.Option(help="Only of this system.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    exceeding: Annotated[bool, typer.Option("--exceeding", help="Only those that exceed one per cent.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the audits on site, the latest recorded first."""
    with open_data(data, create=False) as database, database.read() as connection:
        pts_id = find_system(connection, system).pts_id if system else None
        found = site_audits.list_audits(connection, system=pts_id, only_exceeding=exceeding)
        views = [view_audit(connection, one) for one in found]
    if as_json:
        print_json(models.SiteAuditsJson(audits=[models.site_audit_json(one) for one in views]))
        return
    print_table(
        ("Audit", "System", "Meter", "Audited", "Auditor", "Register", "Against", "Found", "Corrections"),
        [
            (
                *(str(one.number), one.audit.system, one.serial, format_local(one.audit.audited_at)),
                *(one.audit.auditor, kwh(one.audit.register_wh), str(one.month), models.verdict(one)),
                ", ".join(str(correction.submission.number) for correction in view.corrections),
            )
            for view in views
            for one in (view.audit,)
        ],
    )


@app.command("show")
def show(
    number: Annotated[int, typer.Argument(help="Number of the audit.")],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Show an audit on site, and the corrections that name it."""
    with open_data(data, create=False) as database, database.read() as connection:
        view = read_audit(connection, number)
    _print(view, as_json=as_json)


def _print(view: AuditView, *, as_json: bool) -> None:
    if as_json:
        print_json(models.site_audit_json(view))
        return
    for line in models.tell_audit(view):
        typer.echo(plain(line))
