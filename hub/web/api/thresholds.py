"""The JSON API of thresholds: what the rules of alerts compare with, and the changes of it."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StrictInt

from hub.alerting.thresholds import Change, find_threshold
from hub.models import thresholds as models
from hub.rules.instants import parse_instant
from hub.rules.permissions import Action
from hub.services.read_thresholds import read_threshold, read_thresholds, tag_threshold
from hub.services.set_threshold import set_threshold
from hub.store import thresholds
from hub.web.actors import ActorOf, demand
from hub.web.api.kinds import NUMBER_MAX, IfMatch, with_example
from hub.web.api.paging import PageBack
from hub.web.context import Hub, HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["alerts"])


class ThresholdBody(BaseModel):
    """A change of a threshold, in its unit; null: its default again. Without `from_at` it holds from now on."""

    model_config = with_example(value=48, from_at="2026-12-01T12:00:00Z", reason="a roof without a line for a month")

    value: StrictInt | None = Field(ge=0, le=NUMBER_MAX)
    from_at: str = Field("", max_length=40)
    reason: str = Field(max_length=100)


@router.get("/alerts/thresholds")
def list_thresholds(hub: HubOf, viewer: ViewerOf) -> models.ThresholdsJson:
    """Return every number that a rule of alerts compares with: what holds, and what is to come."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        return models.thresholds_json(read_thresholds(connection, hub.now()))


@router.get("/alerts/thresholds/{threshold}")
def get_threshold(hub: HubOf, viewer: ViewerOf, answer: Response, threshold: str) -> models.ThresholdJson:
    """Return one threshold as it stands, under a tag that a change of it can name."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    return _show(hub, answer, threshold)


@router.get("/alerts/thresholds/{threshold}/changes")
def list_changes(hub: HubOf, viewer: ViewerOf, threshold: str, page: PageBack) -> models.ThresholdChangesJson:
    """Return what was said of a threshold, the last first, a page at a time."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    name = find_threshold(threshold).name
    with hub.database.read() as connection:
        said = thresholds.list_history(connection, name, page.limit, page.cursor)
    return models.changes_json(said, page.next(said, lambda one: one.number))


@router.post("/alerts/thresholds/{threshold}/changes", status_code=201)
def change(  # noqa: PLR0913, PLR0917 - parts of a request
    hub: HubOf, actor: ActorOf, answer: Response, threshold: str, body: ThresholdBody, if_match: IfMatch = ""
) -> models.ThresholdJson:
    """Let a threshold have another value from an instant on; what holds already changes nothing."""
    demand(hub, actor, Action.ANSWER_ALERTS)
    now = hub.now()
    wish = Change(threshold, body.value, parse_instant(body.from_at) if body.from_at else now)
    set_threshold(hub.database, wish, actor=actor.name, now=now, reason=body.reason, only_if=if_match)
    return _show(hub, answer, threshold)


def _show(hub: Hub, answer: Response, name: str) -> models.ThresholdJson:
    now = hub.now()
    with hub.database.read() as connection:
        shown = models.threshold_json(read_threshold(connection, name, now))
        answer.headers["etag"] = tag_threshold(connection, name, now)
    return shown
