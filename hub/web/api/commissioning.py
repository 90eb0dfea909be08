"""The JSON API of new sites: what waits to become part of the fleet, and a dial that signs a meter off."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from hub.models import commissioning as models
from hub.rules.permissions import Action
from hub.services.commission_meter import Look, commission_meter
from hub.services.read_details import parse_kwh, parse_time
from hub.services.read_fleet import read_systems
from hub.services.read_jobs import read_jobs
from hub.services.read_strangers import read_strangers
from hub.store import commissionings, registry
from hub.web.actors import ActorOf, demand, demand_any
from hub.web.api.kinds import with_example
from hub.web.api.paging import Page, PageByNumber, by_name
from hub.web.context import HubOf

JOBS, JOBS_MAX = 20, 100
LISTED_MAX = 100

router = APIRouter(prefix="/api/v1", tags=["registering"])


class DialBody(BaseModel):
    """What the dial showed in kWh, and when; `make` where two of the system share the serial number."""

    model_config = with_example(dial_kwh="13015", at="2026-11-03 15:00")

    dial_kwh: str = Field(max_length=40)
    at: str = Field(max_length=40)
    make: str = Field("", max_length=100)


@router.get("/onboarding")
def list_onboarding(hub: HubOf, actor: ActorOf) -> models.OnboardingJson:
    """Return what waits to become part of the fleet."""
    demand(hub, actor, Action.REGISTER_SYSTEM)
    with hub.database.read() as connection:
        return models.onboarding_json(
            registry.list_unknown_devices(connection, LISTED_MAX),
            read_strangers(connection, hub.counting.strangers, LISTED_MAX),
            registry.list_unheard(connection, LISTED_MAX),
        )


@router.get("/onboarding/dials")
def list_dials(hub: HubOf, actor: ActorOf, page: PageByNumber) -> models.DialsJson:
    """Return meters that devices read and whose dial nobody has found to match, a page at a time."""
    demand(hub, actor, Action.REGISTER_SYSTEM)
    with hub.database.read() as connection:
        waiting = commissionings.list_waiting(connection, page.cursor or 0, page.limit)
    return models.dials_json(waiting, page.next(waiting, lambda one: one.meter))


@router.get("/jobs")
def list_jobs(
    hub: HubOf, actor: ActorOf, page: Annotated[Page[str], Depends(by_name(JOBS_MAX, JOBS))]
) -> models.JobsJson:
    """Return what there is to do at the systems where one works: dials to look at, and exchanges that wait."""
    seen = demand_any(hub, actor, Action.REQUEST_EXCHANGE)
    with hub.database.read() as connection:
        systems = [
            one.pts_id for one, _ in read_systems(connection, only=seen, after=page.cursor or "", limit=page.limit)
        ]
        jobs = read_jobs(connection, systems)
    return models.jobs_json(jobs, page.next(systems, str))


@router.post("/systems/{pts_id}/meters/{serial}/commissioning", status_code=201)
def commission(hub: HubOf, actor: ActorOf, pts_id: str, serial: str, body: DialBody) -> models.CommissionedJson:
    """Hold what somebody read from a meter's dial against what its device reads; a difference is kept too."""
    demand(hub, actor, Action.REQUEST_EXCHANGE, pts_id)
    look = Look(pts_id, serial, parse_kwh(body.dial_kwh), parse_time(body.at), body.make)
    return models.commissioned_json(commission_meter(hub.database, look, actor=actor.name, now=hub.now()))
