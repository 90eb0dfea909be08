"""The evidence of a month: from the number down to the signed blocks, with the bundle that anybody can check."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from hub.rules.periods import parse_month
from hub.rules.permissions import Action
from hub.services.read_evidence import read_evidence
from hub.web.actors import demand
from hub.web.bundles import bundle_name, give_bundle
from hub.web.context import HubOf
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import ViewerOf
from protocol.identity import format_device_id

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/systems/{pts_id}/months/{month}")
def show_evidence(hub: HubOf, viewer: ViewerOf, pts_id: str, month: str) -> HTMLResponse:
    """Show what a system's month comes from: the number, the readings, their blocks, and every decision on it."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    wanted = parse_month(month)
    with hub.database.read() as connection:
        found = read_evidence(connection, pts_id, wanted, hub.now())
    return render_page(
        "evidence.html",
        frame_for(viewer, hub.now()),
        found=found,
        bundle=bundle_name(pts_id, wanted),
        device_id=format_device_id,
        now=hub.now(),
    )


@router.get("/systems/{pts_id}/months/{month}/evidence")
def save_evidence(hub: HubOf, viewer: ViewerOf, pts_id: str, month: str, *, full: bool = False) -> Response:
    """Give the bundle, with `full` the whole chain."""
    return give_bundle(hub, viewer, pts_id, month, full=full)
