"""The JSON API of the window board: how the fleet stands towards the month that is being reported."""

from typing import Annotated

from fastapi import APIRouter, Query

from hub.fleet.standing import Standing
from hub.models import board as models
from hub.rules.permissions import Action
from hub.services.read_board import LINES_MAX, read_board
from hub.web.actors import demand
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["calendar"])


@router.get("/board")
def get_board(
    hub: HubOf,
    viewer: ViewerOf,
    standing: Standing | None = None,
    after: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=LINES_MAX)] = 50,
) -> models.BoardJson:
    """Return how many systems stand how, and those of one standing, most at stake first; for those who see all."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        return models.board_json(read_board(connection, hub.now(), standing=standing, after=after, limit=limit))
