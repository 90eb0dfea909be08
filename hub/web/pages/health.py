"""The page of the hub itself: whether it can work, what its jobs did, what it keeps, and what runs in the field."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from hub.rules.permissions import Action
from hub.services.checks import megabytes, span
from hub.services.read_hub import read_hub
from hub.web.actors import demand
from hub.web.context import HubOf
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import ViewerOf

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/hub")
def show_hub(hub: HubOf, viewer: ViewerOf) -> HTMLResponse:
    """Show how the hub does."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    now = hub.now()
    return render_page(
        "hub.html",
        frame_for(viewer, now),
        view=read_hub(hub.database, hub.counting, now, broker_connected=hub.broker_connected),
        links=hub.counting.links,
        versions=hub.counting.versions,
        hears_broker=hub.ingest is not None,
        sends_mail=hub.settings.mail is not None,
        size=megabytes,
        span=span,
        now=now,
    )
