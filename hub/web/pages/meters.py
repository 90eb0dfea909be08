"""The page of a meter: facts, exchanges, readings and events."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from hub.formats import long_day
from hub.rules.permissions import Action
from hub.services.read_meter import Wanted, read_meter
from hub.web import drawing
from hub.web.actors import demand
from hub.web.context import HubOf
from hub.web.navigation import frame_for
from hub.web.reading_keys import format_key, parse_key
from hub.web.rendering import render_page
from hub.web.visitors import ViewerOf

READINGS_SHOWN = 50
EVENTS_SHOWN = 20

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/systems/{pts_id}/meters/{serial:path}")
def show_meter(  # noqa: PLR0913 - whose meter, which, and from which of its readings on
    hub: HubOf,
    viewer: ViewerOf,
    pts_id: str,
    serial: str,
    *,
    make: Annotated[str, Query(max_length=100)] = "",
    before: Annotated[str | None, Query(max_length=100)] = None,
) -> HTMLResponse:
    """Show what is known of a meter, and its readings, the latest first."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    wanted = Wanted(pts_id, serial, make, None if before is None else parse_key(before))
    with hub.database.read() as connection:
        page = read_meter(connection, wanted, READINGS_SHOWN, EVENTS_SHOWN)
    return render_page(
        "meter.html",
        frame_for(viewer, hub.now()),
        page=page,
        read_days=drawing.draw_read_days([(long_day(day.on), day.hours) for day in page.days], page.meter.serial),
        make=make,
        before=before,
        next=None if page.next is None else format_key(page.next),
    )
