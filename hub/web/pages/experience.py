"""A reporter's last pages, of a month that was sent: the operational experience, and what came of it all."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.errors import HubError, InputError
from hub.rules.fields import Problem, Scaled, read_scaled
from hub.rules.forwarding import service_dollars
from hub.rules.periods import ProductionMonth, parse_month
from hub.rules.permissions import Action, Actor
from hub.services.check_text import check_label
from hub.services.compute_production import find_system
from hub.services.read_reporting import read_history
from hub.services.read_sent import read_sent
from hub.services.record_experience import CENTS_MAX, HOURS_MAX, record_experience
from hub.store import submissions
from hub.store.submissions import Experience
from hub.web.actors import demand
from hub.web.context import Hub, HubOf
from hub.web.forms import WrongFieldError, read_field
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import PersonOf

_SEE_OTHER = 303
_TEXT_MAX = 200
_DOLLARS = Scaled(2, 0, CENTS_MAX, "dollars", "from 0 to 10000000 dollars")
_HOURS = Scaled(0, 0, HOURS_MAX, "hours", f"from 0 to {HOURS_MAX} hours")

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

Text = Annotated[str, Form(max_length=_TEXT_MAX)]


@router.get("/systems/{pts_id}/report/{month}/experience")
def show_experience(hub: HubOf, person: PersonOf, pts_id: str, month: str) -> HTMLResponse:
    """Ask what service cost and how long the system stood still: step 4."""
    demand(hub, person.actor, Action.ENTER_PRODUCTION, pts_id)
    return _show_experience(hub, person.actor, pts_id, parse_month(month), None)


@router.post("/systems/{pts_id}/report/{month}/experience")
def take_experience(  # noqa: PLR0913, PLR0917 - the fields of the form
    hub: HubOf, person: PersonOf, pts_id: str, month: str, cost: Text = "", outage: Text = "", note: Text = ""
) -> Response:
    """Keep what was said, if anything was, and go on to the end."""
    demand(hub, person.actor, Action.ENTER_PRODUCTION, pts_id)
    wanted = parse_month(month)
    with hub.database.read() as connection:
        read_sent(connection, pts_id, wanted)
    try:
        cents = read_field("cost", lambda text: _scaled(text, _DOLLARS, "what service cost"), cost.strip() or "0")
        hours = read_field("outage", lambda text: _scaled(text, _HOURS, "the outage"), outage.strip() or "0")
        said = read_field("note", lambda text: check_label(text, "what happened"), note)
    except InputError as error:
        return _show_experience(hub, person.actor, pts_id, wanted, error, cost=cost, outage=outage, note=note)
    if cents or hours or said:
        record_experience(hub.database, Experience(pts_id, wanted, hub.now(), person.actor.name, cents, hours, said))
    return RedirectResponse(f"/systems/{pts_id}/report/{wanted}", status_code=_SEE_OTHER)


@router.get("/systems/{pts_id}/report/{month}")
def show_end(hub: HubOf, person: PersonOf, pts_id: str, month: str) -> HTMLResponse:
    """Show what is reported of a month, to be kept or printed: step 5."""
    demand(hub, person.actor, Action.VIEW_PRODUCTION, pts_id)
    wanted = parse_month(month)
    with hub.database.read() as connection:
        sent = read_sent(connection, pts_id, wanted)
        system, history = find_system(connection, pts_id), read_history(connection, pts_id)
        said = submissions.find_experiences(connection, [pts_id], wanted).get(pts_id)
    return render_page(
        "report_end.html",
        frame_for(person.actor, hub.now()),
        system=system,
        history=history,
        month=wanted,
        said=said,
        sent=sent,
    )


def _show_experience(
    hub: Hub, actor: Actor, pts_id: str, month: ProductionMonth, error: HubError | None, **typed: str
) -> HTMLResponse:
    with hub.database.read() as connection:
        sent = read_sent(connection, pts_id, month)
        system = find_system(connection, pts_id)
        said = submissions.find_experiences(connection, [pts_id], month).get(pts_id)
    kept = {}
    if said is not None:
        kept = {"cost": service_dollars(said.service_cost_cents), "outage": str(said.outage_hours), "note": said.note}
    fields = {"cost": "", "outage": "", "note": "", **kept, **typed}
    return render_page(
        "report_experience.html",
        frame_for(actor, hub.now()),
        is_form=True,
        status=200 if error is None else 422,
        system=system,
        month=month,
        sent=sent,
        fields=fields,
        hours_max=HOURS_MAX,
        problem="" if error is None else str(error),
        wrong=error.field if isinstance(error, WrongFieldError) else "",
    )


def _scaled(text: str, scale: Scaled, what: str) -> int:
    value = read_scaled(text, scale)
    if isinstance(value, Problem):
        message = f"{what} {value.text}"
        raise InputError(message)
    return value
