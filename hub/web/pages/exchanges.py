"""Pages of meter exchanges: an installer tells of one with a picture of both registers, somebody else decides on it."""

from typing import Annotated

from fastapi import APIRouter, File, Query, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.documents import DOCUMENT_BYTES_MAX, keep_document, read_evidence
from hub.errors import HubError, UnknownSubjectError
from hub.rules.local_times import format_local
from hub.rules.permissions import Action, Actor
from hub.services.compute_production import find_system
from hub.services.decide_exchange import ExchangeDecision, decide_exchange
from hub.services.exchange_meter import ExchangeRequest, exchange_meter
from hub.services.read_details import parse_kwh, parse_time
from hub.store import exchanges, registry
from hub.store.exchanges import Exchange
from hub.web.actors import demand
from hub.web.context import Hub, HubOf
from hub.web.forms import Field, Form, Typed, WrongFieldError, draw_form, read_field
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf

_SEE_OTHER = 303
_NUMBER_MAX = (1 << 63) - 1
EXCHANGES_SHOWN = 50

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/exchanges")
def show_exchanges(
    hub: HubOf, person: PersonOf, after: Annotated[int, Query(ge=0, le=_NUMBER_MAX)] = 0
) -> HTMLResponse:
    """Show the exchanges that wait for a decision, a page at a time."""
    demand(hub, person.actor, Action.APPROVE_EXCHANGE)
    return _show_waiting(hub, person.actor, after)


@router.post("/exchanges/{number}")
def take_decision(hub: HubOf, person: PersonOf, number: int, typed: Typed) -> Response:
    """Let an exchange count, or refuse it with a reason."""
    told = _find(hub, number)
    demand(hub, person.actor, Action.APPROVE_EXCHANGE, told.asked.system)
    reason = typed.get("reason", "").strip()
    decided = ExchangeDecision(number, is_approved=typed.get("decision") == "approve", reason=reason)
    try:
        decide_exchange(hub.database, decided, hub.now(), person.actor.name)
    except HubError as error:
        # The page that begins with it, wherever it stands in the list.
        return _show_waiting(hub, person.actor, number - 1, error, number, reason)
    return RedirectResponse("/exchanges", status_code=_SEE_OTHER)


@router.get("/exchanges/{number}/evidence")
def give_evidence(hub: HubOf, person: PersonOf, number: int) -> Response:
    """Give out the picture or protocol that shows both registers, as a download."""
    told = _find(hub, number)
    if person.actor.name != told.asked.requested_by:
        demand(hub, person.actor, Action.APPROVE_EXCHANGE, told.asked.system)
    content, media_type, name = read_evidence(hub.settings.data_folder, told.asked.evidence)
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


@router.get("/systems/{pts_id}/exchanges/new")
def show_new(hub: HubOf, person: PersonOf, pts_id: str) -> HTMLResponse:
    """Ask which meter took the place of which, when, and at which registers."""
    demand(hub, person.actor, Action.REQUEST_EXCHANGE, pts_id)
    return draw_form(_form(hub, pts_id), frame_for(person.actor, hub.now()), {"at": format_local(hub.now())[:16]})


@router.post("/systems/{pts_id}/exchanges/new")
def take_new(
    hub: HubOf,
    person: PersonOf,
    pts_id: str,
    typed: Typed,
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Keep that a meter was exchanged; the same one sent twice is one."""
    demand(hub, person.actor, Action.REQUEST_EXCHANGE, pts_id)
    form = _form(hub, pts_id)
    try:
        said = form.take(typed)
        request = ExchangeRequest(
            system=pts_id,
            serial=said["serial"],
            at=read_field("at", parse_time, said["at"]),
            final_wh=read_field("final_kwh", parse_kwh, said["final_kwh"]),
            new_serial=said["new_serial"],
            initial_wh=read_field("initial_kwh", parse_kwh, said["initial_kwh"]),
            evidence=_keep(hub, file),
            new_make=said["new_make"],
            new_model=said["new_model"],
        )
        exchange_meter(hub.database, request, hub.now(), person.actor.name)
    except HubError as error:
        return draw_form(form, frame_for(person.actor, hub.now()), typed, error)
    frame = frame_for(person.actor, hub.now())
    ways = (path for path in ("/exchanges", "/jobs") if frame.leads_to(path))
    return RedirectResponse(next(ways, f"/systems/{pts_id}"), status_code=_SEE_OTHER)


def _form(hub: Hub, pts_id: str) -> Form:
    with hub.database.read() as connection:
        system = find_system(connection, pts_id)
        meters = registry.list_meters(connection, pts_id)
    serials = tuple((one.serial, one.serial) for one in meters if one.read_until is None)
    return Form(
        title="Tell of a meter exchange",
        lede=f"A meter of {system.name} gave way to another. It counts once somebody else has approved it.",
        action=f"/systems/{system.pts_id}/exchanges/new",
        submit="Tell it",
        fields=(
            Field("serial", "Meter taken out", "select", options=serials, is_required=True),
            Field("final_kwh", "What it showed last, kWh", is_required=True, mode="decimal"),
            Field("at", "When", hint="Such as 2016-07-12 12:00, as clocks in Massachusetts show it.", is_required=True),
            Field("new_serial", "Serial number of the new meter", is_required=True),
            Field("new_make", "Its make"),
            Field("new_model", "Its model"),
            Field("initial_kwh", "What it showed first, kWh", is_required=True, mode="decimal"),
            Field(
                "file",
                "A picture or protocol that shows both registers",
                "file",
                is_required=True,
                accept="application/pdf,image/jpeg,image/png",
            ),
        ),
        here="/systems",
        above=(f"/systems/{system.pts_id}", system.pts_id),
    )


def _keep(hub: Hub, file: UploadFile | None) -> str:
    if file is None or not file.filename:
        message = "A picture or protocol that shows both registers: choose a file"
        raise WrongFieldError(message, "file")
    content = file.file.read(DOCUMENT_BYTES_MAX + 1)
    return read_field("file", lambda _: keep_document(hub.settings.data_folder, content), file.filename)


def _find(hub: Hub, number: int) -> Exchange:
    with hub.database.read() as connection:
        told = exchanges.find_exchange(connection, number)
    if told is None:
        message = f"there is no meter exchange {number}"
        raise UnknownSubjectError(message)
    return told


def _show_waiting(  # noqa: PLR0913, PLR0917 - from where on, and what was typed before
    hub: Hub, actor: Actor, after: int, error: HubError | None = None, number: int = 0, reason: str = ""
) -> HTMLResponse:
    with hub.database.read() as connection:
        waiting = exchanges.list_exchanges(connection, is_waiting=True, after=after, limit=EXCHANGES_SHOWN)
        old = registry.find_meters(connection, {one.asked.old_meter for one in waiting})
    return render_page(
        "exchanges.html",
        frame_for(actor, hub.now()),
        status=200 if error is None else 422,
        waiting=waiting,
        old=old,
        after=waiting[-1].number if len(waiting) == EXCHANGES_SHOWN else None,
        is_first=not after,
        me=actor.name,
        problem="" if error is None else str(error),
        number=number,
        reason=reason,
    )
