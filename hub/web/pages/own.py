"""The owner's page: how one's own systems stand, what they produced, and what there is to save."""

from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.charts.chart import Chart
from hub.rules.permissions import Action, Subject, allow, reach
from hub.services.read_own import OwnSystem, read_own
from hub.web import drawing
from hub.web.context import HubOf
from hub.web.navigation import frame_for
from hub.web.own_words import STATES, tell_standing
from hub.web.rendering import render_page
from hub.web.visitors import ViewerOf

SYSTEMS_SHOWN = 5
"""Whoever owns more finds them in the list of systems."""

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """A system as its owner sees it."""

    own: OwnSystem
    standing: str
    bars: Chart | None
    timeline: Chart | None
    may_enter: bool


@router.get("/mine")
def show_own(hub: HubOf, viewer: ViewerOf) -> Response:
    """Show one's own systems in words and bars; who sees all of them is led to the fleet."""
    now = hub.now()
    seen = reach(viewer, Action.VIEW_PRODUCTION, now)
    if seen is None:
        return RedirectResponse("/", status_code=303)
    with hub.database.read() as connection:
        systems = [read_own(connection, one, now, drawing.BARS_MAX) for one in sorted(seen)[:SYSTEMS_SHOWN]]
    shown = []
    for place, own in enumerate(systems):
        subject = Subject(own.facts.system, own.is_automatic)
        shown.append(
            Shown(
                own=own,
                standing=tell_standing(own),
                bars=drawing.draw_reported(own, STATES, place),
                timeline=drawing.draw_states(own, STATES, place),
                may_enter=own.is_open and allow(viewer, Action.ENTER_PRODUCTION, subject, now),
            )
        )
    return render_page("own.html", frame_for(viewer, now), shown=shown, states=STATES, more=len(seen) - len(systems))
