"""The JSON API of the window board: how the fleet stands towards the month that is being reported."""

from typing import Annotated

from fastapi import APIRouter, Depends

from hub.fleet.standing import Standing
from hub.models import board as models
from hub.rules.permissions import Action
from hub.services.read_board import LINES_MAX, read_board
from hub.web.actors import demand
from hub.web.api.paging import Page, by_name
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["calendar"])


@router.get("/board")
def get_board(
    hub: HubOf,
    viewer: ViewerOf,
    page: Annotated[Page[str], Depends(by_name(LINES_MAX, 50))],
    standing: Standing | None = None,
) -> models.BoardJson:
    """Return how many systems stand how, and those of one standing, most at stake first; for those who see all."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        board = read_board(connection, hub.now(), standing=standing, after=page.cursor or "", limit=page.limit)
    page.link(board.next)
    return models.board_json(board)
