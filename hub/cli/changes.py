"""`meter-hub change`: another reporter, REC owner or owner of a system, from asking to the decision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.terminal import DEFAULT_DATA, AsJson, Data, actor, open_data, plain, print_json, print_table
from hub.clock import now_ms
from hub.documents import DOCUMENT_BYTES_MAX, keep_document
from hub.errors import InputError
from hub.models import changes as models
from hub.rules.change_requests import ChangeStep, ChangeWish
from hub.rules.local_times import format_local, parse_local
from hub.rules.permissions import Role
from hub.services.compute_production import find_system
from hub.services.decide_change import WantedStep, find_request, take_step
from hub.services.request_change import request_change
from hub.store import change_requests

if TYPE_CHECKING:
    from hub.store.change_requests import ChangeRequest

app = typer.Typer(no_args_is_help=True, help="Requests that somebody else reports, owns, or holds REC rights.")

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the request.")]
Evidence = Annotated[Path | None, typer.Option(help="The signed contract or proof: a PDF or a picture.")]


@app.command("request")
def request(
    system: Annotated[str, typer.Argument(help="PTS id of the system.")],
    role: Annotated[Role, typer.Option(help="What they are to become.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    account: Annotated[str, typer.Option("--to", help="The account.")] = "",
    name: Annotated[str, typer.Option("--name", help="Or the name of a person without one,")] = "",
    email: Annotated[str, typer.Option(help="and their mail address.")] = "",
    since: Annotated[str, typer.Option("--from", help="From when, such as 2024-03-01 00:00; now unless given.")] = "",
    evidence: Evidence = None,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Ask for a change; somebody else decides on it."""
    now = now_ms()
    with open_data(data, create=False) as database:
        wish = ChangeWish(
            system=system,
            role=role,
            wanted_at=parse_local(since) if since else now,
            account=account,
            contact_name=name,
            contact_email=email,
            evidence=_keep(data, evidence),
        )
        asked = request_change(database, wish, actor=actor(), now=now, reason=reason, is_by_staff=True)
    _show(asked, now, as_json=as_json)


@app.command("list")
def list_all(
    system: Annotated[str, typer.Option(help="Only those of this system.")] = "",
    data: Data = DEFAULT_DATA,
    *,
    in_progress: Annotated[bool, typer.Option("--in-progress", help="Only those that are not over.")] = False,
    after: Annotated[int, typer.Option(help="Begin after this number.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List change requests, a hundred at a time."""
    now = now_ms()
    with open_data(data, create=False) as database, database.read() as connection:
        pts_id = find_system(connection, system).pts_id if system else None
        found = change_requests.list_requests(
            connection, system=pts_id, in_progress_at=now if in_progress else None, after=after
        )
    if as_json:
        print_json(models.ChangesJson(changes=[models.change_json(one, now) for one in found]))
        return
    rows = [
        (
            str(one.number),
            one.wish.system,
            one.wish.role.value,
            one.wish.account or one.wish.contact_name,
            format_local(one.wish.wanted_at),
            one.requested_by,
            one.state(now).value,
        )
        for one in found
    ]
    print_table(("Number", "System", "Role", "Who", "From", "Asked by", "State"), rows)


@app.command("show")
def show(number: Number, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show a request and what was done with it."""
    with open_data(data, create=False) as database, database.read() as connection:
        found = find_request(connection, number)
    _show(found, now_ms(), as_json=as_json)


@app.command("step")
def step(
    number: Number,
    taken: Annotated[ChangeStep, typer.Argument(metavar="STEP", help=", ".join(ChangeStep))],
    said: Annotated[str, typer.Option("--say", help="What is asked, answered, or the reason.")] = "",
    account: Annotated[str, typer.Option("--to", help="With approve: the account made for a person.")] = "",
    evidence: Evidence = None,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Confirm, decline, ask back, answer, approve, reject or withdraw a request."""
    now = now_ms()
    with open_data(data, create=False) as database:
        wanted = WantedStep(number, taken, said, _keep(data, evidence), account)
        done = take_step(database, wanted, actor=actor(), now=now)
    _show(done, now, as_json=as_json)


def _keep(data: Path, evidence: Path | None) -> str:
    """Keep a document and return its name, an empty one for none; raises InputError if it cannot be read."""
    if evidence is None:
        return ""
    try:
        with evidence.open("rb") as file:
            content = file.read(DOCUMENT_BYTES_MAX + 1)
    except OSError as error:
        message = f"{evidence} cannot be read: {error.strerror}"
        raise InputError(message) from error
    return keep_document(data, content)


def _show(request: ChangeRequest, now: int, *, as_json: bool) -> None:
    shown = models.change_json(request, now)
    if as_json:
        print_json(shown)
        return
    wish = request.wish
    who = wish.account or f"{wish.contact_name} <{wish.contact_email}>"
    typer.echo(plain(f"request {request.number}: {who} as {wish.role.value} of {wish.system}, {shown.state}"))
    typer.echo(plain(f"asked for by {request.requested_by}: {request.reason}"))
    if request.counts_from is not None:
        typer.echo(f"counts from {format_local(request.counts_from)}")
    if request.steps:
        rows = [(format_local(one.taken_at), one.taken_by, one.step.value, one.said) for one in request.steps]
        print_table(("At", "By", "Step", "Said"), rows)
    if shown.next:
        typer.echo(f"next: {', '.join(shown.next)}")
