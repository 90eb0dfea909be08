"""What a REC owner looks for: energy that counts, certificates by quarter and month, what is left over and missing."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from hub.rules.periods import date_at
from hub.rules.permissions import Action, reach
from hub.services.read_assets import find_asset, read_assets
from hub.web.actors import demand
from hub.web.context import HubOf
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import ViewerOf

SYSTEMS_SHOWN = 10

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/certificates")
def show_certificates(hub: HubOf, viewer: ViewerOf, after: Annotated[str, Query(max_length=100)] = "") -> HTMLResponse:
    """Show the certificates of the systems that one may see, some at a time."""
    now = hub.now()
    seen = reach(viewer, Action.VIEW_PRODUCTION, now)
    with hub.database.read() as connection:
        page = read_assets(connection, seen, now, after, SYSTEMS_SHOWN)
    return render_page("certificates.html", frame_for(viewer, now), page=page, is_first=not after, today=date_at(now))


@router.get("/systems/{pts_id}/certificates")
def show_asset(hub: HubOf, viewer: ViewerOf, pts_id: str) -> HTMLResponse:
    """Show the certificates of the asset that a system has, quarter by quarter."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    now = hub.now()
    with hub.database.read() as connection:
        asset = find_asset(connection, pts_id, reach(viewer, Action.VIEW_PRODUCTION, now), now)
    return render_page("asset.html", frame_for(viewer, now), asset=asset, today=date_at(now))
