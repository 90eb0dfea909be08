"""What is known of systems and meters, in the JSON API, version 1. Reads only."""

from fastapi import APIRouter

from hub.errors import InputError
from hub.rules.fields import Problem, read_date
from hub.rules.periods import date_at
from hub.services.read_facts import read_meters_of, read_system
from hub.web import models_facts
from hub.web.context import HubOf

router = APIRouter(prefix="/api/v1", tags=["v1"])


@router.get("/systems/{pts_id}/facts")
def get_facts(hub: HubOf, pts_id: str, on: str | None = None) -> models_facts.SystemHistoryJson:
    """Return what holds of a system on a day, `YYYY-MM-DD`, today unless named, and all that was ever said of it."""
    day = date_at(hub.now()) if on is None else read_date(on)
    if isinstance(day, Problem):
        raise InputError(day.text)
    with hub.database.read() as connection:
        return models_facts.system_history_json(read_system(connection, pts_id, day))


@router.get("/systems/{pts_id}/meters")
def get_meters(hub: HubOf, pts_id: str) -> models_facts.SystemMetersJson:
    """Return what is known of the meters of a system, and their exchanges."""
    with hub.database.read() as connection:
        return models_facts.system_meters_json(read_meters_of(connection, pts_id, date_at(hub.now())))
