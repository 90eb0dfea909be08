"""The owner's page: how one's own systems stand, what they produced, and what there is to save."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hub.charts.chart import Chart
from hub.rules.permissions import Action, Actor, Subject, allow, reach
from hub.services.read_own import OwnSystem, read_own
from hub.web import drawing
from hub.web.actors import demand
from hub.web.context import HubOf
from hub.web.navigation import frame_for
from hub.web.own_words import STATES, tell_standing
from hub.web.rendering import render_page
from hub.web.visitors import ViewerOf

SYSTEMS_SHOWN = 10
"""Whoever owns more finds them in the list of systems."""

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """A system as its owner sees it; `spark` is its last year in a word-sized line."""

    own: OwnSystem
    standing: str
    spark: Chart | None
    may_enter: bool


@router.get("/mine")
def show_own(hub: HubOf, viewer: ViewerOf, system: Annotated[str | None, Query(max_length=100)] = None) -> Response:
    """Show how one's own systems stand, each in a sentence, and of a single or chosen one its months as well.

    Who sees all of them is led to the fleet.
    """
    now = hub.now()
    seen = reach(viewer, Action.VIEW_PRODUCTION, now)
    if seen is None:
        return RedirectResponse("/", status_code=303)
    if system is not None:
        demand(hub, viewer, Action.VIEW_PRODUCTION, system)
    listed = sorted(seen)[:SYSTEMS_SHOWN] if system is None else [system]
    with hub.database.read() as connection:
        systems = [read_own(connection, one, now, drawing.BARS_MAX) for one in listed]
    shown = [_show(viewer, own, place, now) for place, own in enumerate(systems)]
    frame = frame_for(viewer, now)
    if len(shown) != 1:
        return render_page("owned.html", frame, shown=shown, more=len(seen) - len(shown))
    (own,) = systems
    return render_page(
        "own.html",
        frame,
        one=shown[0],
        bars=drawing.draw_reported(own, STATES),
        timeline=drawing.draw_states(own, STATES),
        states=STATES,
        has_others=len(seen) > 1,
    )


def _show(viewer: Actor, own: OwnSystem, place: int, now: int) -> Shown:
    subject = Subject(own.facts.system, own.is_automatic)
    energies = [one.production_wh for one in reversed(own.months[: drawing.BARS_MIN]) if one.production_wh is not None]
    return Shown(
        own=own,
        standing=tell_standing(own),
        spark=drawing.draw_spark(energies, own.facts.name, place),
        may_enter=own.is_open and allow(viewer, Action.ENTER_PRODUCTION, subject, now),
    )
