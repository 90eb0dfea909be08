"""The window board: what will be missed before it is missed, most at stake first."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from hub.fleet.standing import Standing
from hub.rules.permissions import Action
from hub.services.read_board import read_board
from hub.web.actors import demand
from hub.web.context import HubOf
from hub.web.navigation import frame_for
from hub.web.rendering import render_page
from hub.web.visitors import ViewerOf

LINES_SHOWN = 50

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)


@router.get("/board")
def show_board(
    hub: HubOf,
    viewer: ViewerOf,
    standing: Standing | None = None,
    after: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Show how the fleet stands towards the window, and a page of those that stand so."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    now = hub.now()
    with hub.database.read() as connection:
        board = read_board(connection, now, standing=standing, after=after, limit=LINES_SHOWN)
    return render_page("board.html", frame_for(viewer, now), board=board, is_first=not after, now=now)
