"""The JSON API of audits on site: recorded by those who may, seen by those who see the production."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from hub.models import audits as models
from hub.rules.permissions import Action
from hub.services.compute_production import find_system
from hub.services.read_audits import view_audit
from hub.services.record_audit import parse_audited, record_audit
from hub.store import site_audits
from hub.store.site_audits import LISTED_MAX
from hub.web.actors import ActorOf, demand
from hub.web.api.kinds import with_example
from hub.web.api.paging import Page, latest_first
from hub.web.api.submitting import known_photo
from hub.web.context import HubOf

router = APIRouter(prefix="/api/v1", tags=["audits"])


class AuditBody(BaseModel):
    """What an auditor read: kWh with up to three decimals, the time as the clock showed it."""

    model_config = with_example(
        register_kwh="13015.5", audited_at="2024-01-31 17:30", auditor="Ann Lee", note="seal whole"
    )

    register_kwh: str = Field(max_length=40)
    audited_at: str = Field(max_length=40)
    auditor: str = Field(max_length=100, description="Who read the meter.")
    meter: str = Field("", max_length=100, description="Serial number, where the system has several meters.")
    make: str = Field("", max_length=100, description="Maker, where two of its meters share the serial number.")
    photo: str | None = Field(None, max_length=64, description="Name of a picture that was sent before.")
    note: str = Field("", max_length=100)


@router.post("/systems/{pts_id}/audits", status_code=201)
def record(hub: HubOf, actor: ActorOf, pts_id: str, body: AuditBody) -> models.SiteAuditJson:
    """Record an audit on site, and return what it says of the reports."""
    demand(hub, actor, Action.RECORD_AUDIT, pts_id)
    audited = parse_audited(
        pts_id,
        body.meter,
        body.register_kwh,
        body.audited_at,
        body.auditor,
        make=body.make,
        photo=known_photo(hub, body.photo),
        note=body.note,
    )
    recorded = record_audit(hub.database, audited, actor=actor.name, now=hub.now())
    with hub.database.read() as connection:
        return models.site_audit_json(view_audit(connection, recorded))


@router.get("/systems/{pts_id}/audits")
def list_audits(
    hub: HubOf,
    actor: ActorOf,
    pts_id: str,
    page: Annotated[Page[int], Depends(latest_first(LISTED_MAX))],
) -> models.SiteAuditsJson:
    """Return a system's audits, the latest recorded first; go on with `next` as `before`."""
    demand(hub, actor, Action.VIEW_PRODUCTION, pts_id)
    with hub.database.read() as connection:
        system = find_system(connection, pts_id).pts_id
        found = site_audits.list_audits(connection, system=system, before=page.cursor, limit=page.limit)
        shown = [models.site_audit_json(view_audit(connection, one)) for one in found]
    return models.SiteAuditsJson(audits=shown, next=page.next(found, lambda one: one.number))
