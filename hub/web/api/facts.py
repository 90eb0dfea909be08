"""What is known of systems and meters, in the JSON API, version 1. Reads only."""

from fastapi import APIRouter, Response

from hub.errors import InputError
from hub.models import facts as models_facts
from hub.rules.fields import Problem, read_date
from hub.rules.periods import date_at
from hub.rules.permissions import Action
from hub.services.read_facts import read_meters_of, read_system
from hub.services.tag_facts import tag_meters, tag_system
from hub.web.actors import demand
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["fleet"])


@router.get("/systems/{pts_id}/facts")
def get_facts(
    hub: HubOf, viewer: ViewerOf, answer: Response, pts_id: str, on: str | None = None
) -> models_facts.SystemHistoryJson:
    """Return what holds of a system on a day, `YYYY-MM-DD`, today unless named, and all that was ever said of it."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    day = date_at(hub.now()) if on is None else read_date(on)
    if isinstance(day, Problem):
        raise InputError(day.text)
    with hub.database.read() as connection:
        answer.headers["etag"] = tag_system(connection, pts_id)
        return models_facts.system_history_json(read_system(connection, pts_id, day))


@router.get("/systems/{pts_id}/meters")
def get_meters(hub: HubOf, viewer: ViewerOf, answer: Response, pts_id: str) -> models_facts.SystemMetersJson:
    """Return what is known of the meters of a system, and their exchanges."""
    demand(hub, viewer, Action.VIEW_PRODUCTION, pts_id)
    with hub.database.read() as connection:
        answer.headers["etag"] = tag_meters(connection, pts_id)
        return models_facts.system_meters_json(read_meters_of(connection, pts_id, date_at(hub.now())))
