"""The JSON API of what is done to many devices at once: begun over a filter, looked at, and cancelled."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from hub.fleet.axes import Axis, stand_at
from hub.fleet.bulks import OF_ALERTS, BulkAction, BulkKind, Outcome
from hub.fleet.tags import TAGS_MAX, parse_tag
from hub.models import bulks as models
from hub.rules.instants import parse_instant
from hub.rules.permissions import Action
from hub.services.cancel_bulk import cancel_bulk, find_bulk
from hub.services.start_bulk import DEVICES_MAX, BulkWish, command_means, start_bulk
from hub.store import bulk_actions
from hub.store.device_list import DeviceFilter
from hub.web.actors import ActorOf, demand
from hub.web.api.kinds import Number, with_example
from hub.web.api.paging import Page, PageBack, by_name
from hub.web.bulk_doors import parse_place, place_of
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["devices"])


class BulkBody(BaseModel):
    """What is done to all devices that match: by name or a meter's serial, version, tag.

    `stands` is a word of the `axis`, at which they stood when the hub last looked.

    `until` ends a maintenance, silence or acknowledgement, `tags` are put on or taken off. `number` is how many one
    thinks match; it has to be right for more than twenty, and to retire any.
    """

    # A filter that is not known must not widen what it is done to.
    model_config = ConfigDict(
        extra="forbid", **with_example(action="resend", reason="after the outage", tag="lte", number=12, dry_run=True)
    )

    action: BulkKind
    until: str = Field("", max_length=40)
    tags: list[str] = Field(default=[], max_length=TAGS_MAX)
    reason: str = Field(max_length=100)
    search: str = Field("", max_length=200)
    version: str = Field("", max_length=200)
    tag: str = Field("", max_length=200)
    axis: Axis | None = None
    stands: str = Field("", max_length=40)
    number: StrictInt | None = Field(None, ge=0, le=DEVICES_MAX)
    dry_run: StrictBool = False


class CancelBody(BaseModel):
    """Why what has not been sent is withdrawn."""

    model_config = with_example(reason="asked too much of the line")

    reason: str = Field(max_length=100)


@router.post("/bulks", status_code=201)
def start(hub: HubOf, actor: ActorOf, body: BulkBody) -> models.StartedBulkJson:
    """Do it to all devices that match, or with `dry_run` only say to which; one to which it cannot be done is left."""
    demand(hub, actor, Action.ANSWER_ALERTS if body.action in OF_ALERTS else Action.REGISTER_SYSTEM)
    action = BulkAction(
        body.action, parse_instant(body.until) if body.until else None, tuple(map(parse_tag, body.tags))
    )
    stand = stand_at(body.axis, body.stands)
    wanted = DeviceFilter(body.search.strip(), body.version, body.tag, stand)
    wish = BulkWish(wanted, action, body.number)
    started = start_bulk(
        hub.database,
        wish,
        command_means(hub.settings.data_folder),
        actor=actor.name,
        now=hub.now(),
        reason=body.reason,
        is_dry_run=body.dry_run,
    )
    return models.started_json(started)


@router.get("/bulks")
def list_bulks(hub: HubOf, viewer: ViewerOf, page: PageBack) -> models.BulksJson:
    """Return what was done to many devices at once, the last first."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        found = bulk_actions.list_bulks(connection, page.cursor, page.limit)
    return models.BulksJson(
        bulks=[models.bulk_json(one) for one in found], next=page.next(found, lambda one: one.number)
    )


@router.get("/bulks/{number}")
def get_bulk(hub: HubOf, viewer: ViewerOf, number: Number) -> models.BulkProgressJson:
    """Return an act on many devices, and how many of its commands came to what."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        return models.progress_json(find_bulk(connection, number), bulk_actions.count_outcomes(connection, number))


@router.get("/bulks/{number}/commands")
def list_commands(
    hub: HubOf,
    viewer: ViewerOf,
    number: Number,
    page: Annotated[Page[str], Depends(by_name())],
    outcome: Outcome | None = None,
) -> models.BulkCommandsJson:
    """Return the commands of an act by device, all or those that came to `outcome`."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        find_bulk(connection, number)
        place = parse_place(page.cursor or "")
        found = bulk_actions.list_commands(connection, number, outcome, place, page.limit)
    return models.BulkCommandsJson(commands=models.commands_json(found), next=page.next(found, place_of))


@router.post("/bulks/{number}/cancel", status_code=201)
def cancel(hub: HubOf, actor: ActorOf, number: Number, body: CancelBody) -> models.BulkProgressJson:
    """Withdraw the commands of an act that have not been sent; what was sent cannot be taken back."""
    demand(hub, actor, Action.REGISTER_SYSTEM)
    cancel_bulk(hub.database, number, actor=actor.name, now=hub.now(), reason=body.reason)
    with hub.database.read() as connection:
        return models.progress_json(find_bulk(connection, number), bulk_actions.count_outcomes(connection, number))
