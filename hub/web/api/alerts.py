"""The JSON API of alerts: those that are open and over, and what people say of them."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictInt

from hub.alerting.life import Silence, Standing
from hub.alerting.rules import Code
from hub.models import alerts as models
from hub.rules.instants import parse_instant
from hub.rules.permissions import Action
from hub.services.answer_alert import acknowledge_alerts, end_silence, silence_alerts
from hub.services.read_alerts import find_open, page_open, read_alert, read_over
from hub.store import alerts
from hub.web.actors import ActorOf, demand
from hub.web.api.kinds import NUMBER_MAX, Number, with_example
from hub.web.api.paging import PageBack, PageByName, format_place, parse_place
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["alerts"])


class AcknowledgementBody(BaseModel):
    """Which alerts somebody looks after, until when, and what they do."""

    model_config = with_example(alerts=[12], until="2026-12-01T12:00:00Z", reason="called the site, they look")

    alerts: list[Annotated[StrictInt, Field(ge=1, le=NUMBER_MAX)]] = Field(min_length=1, max_length=1000)
    until: str = Field(max_length=40)
    reason: str = Field(max_length=100)


class SilenceBody(BaseModel):
    """What is muted until when, and why: a rule, a subject (a device's id), or both."""

    model_config = with_example(rule="device_silent", until="2026-12-01T12:00:00Z", reason="works on the network")

    rule: Code | None = None
    subject: str = Field("", max_length=100)
    until: str = Field(max_length=40)
    reason: str = Field(max_length=100)


class EndBody(BaseModel):
    """Why a silence ends."""

    model_config = with_example(reason="the works are over")

    reason: str = Field(max_length=100)


@router.get("/alerts")
def list_alerts(hub: HubOf, viewer: ViewerOf, page: PageBack, standing: Standing | None = None) -> models.AlertsJson:
    """Return the alerts that are not over, or that stand so, the latest first; with `standing=resolved` those over.

    A page may be short, and yet not the last: go on while there is a `next`.
    """
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        if standing is Standing.RESOLVED:
            found = read_over(connection, page.cursor, page.limit)
        else:
            found = page_open(connection, hub.now(), page.cursor, page.limit)
    shown = [models.alert_json(one) for one in found if standing in {None, one.standing}]
    return models.AlertsJson(alerts=shown, next=page.next(found, lambda one: one.kept.number))


# Only of numbers, or else it would stand at the address of acknowledgements.
@router.get("/alerts/{number:number}")
def get_alert(hub: HubOf, viewer: ViewerOf, number: Number) -> models.AlertShownJson:
    """Return one alert, open or over, with what people said of it."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        view = read_alert(connection, hub.now(), number)
        return models.alert_shown_json(view, alerts.list_acknowledgements(connection, number))


@router.post("/alerts/acknowledgements", status_code=201)
def acknowledge(hub: HubOf, actor: ActorOf, body: AcknowledgementBody) -> models.AlertsJson:
    """Say that one looks after these alerts until an instant; all of them or none."""
    demand(hub, actor, Action.ANSWER_ALERTS)
    until_at, now = parse_instant(body.until), hub.now()
    done = acknowledge_alerts(hub.database, body.alerts, until_at, actor=actor.name, now=now, reason=body.reason)
    with hub.database.read() as connection:
        found = find_open(connection, now, [one.number for one in done])
    return models.AlertsJson(alerts=[models.alert_json(one) for one in found], next=None)


@router.get("/silences")
def list_silences(hub: HubOf, viewer: ViewerOf, page: PageByName) -> models.SilencesJson:
    """Return the silences that hold, those that end first first."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    after = None
    if page.cursor is not None:
        until_at, number = parse_place(page.cursor, 2)
        after = until_at, number
    with hub.database.read() as connection:
        found = alerts.list_silences(connection, hub.now(), after=after, limit=page.limit)
    return models.SilencesJson(
        silences=[models.silence_json(one) for one in found],
        next=page.next(found, lambda one: format_place(one.silence.until_at, one.number)),
    )


@router.post("/silences", status_code=201)
def silence(hub: HubOf, actor: ActorOf, body: SilenceBody) -> models.SilenceJson:
    """Mute a rule, a device, or one rule of one device, until an instant."""
    demand(hub, actor, Action.ANSWER_ALERTS)
    wanted = Silence(body.rule, body.subject.strip() or None, parse_instant(body.until))
    kept = silence_alerts(hub.database, wanted, actor=actor.name, now=hub.now(), reason=body.reason)
    return models.silence_json(kept)


@router.post("/silences/{number}/end", status_code=204)
def end(hub: HubOf, actor: ActorOf, number: Number, body: EndBody) -> None:
    """Let a silence end now."""
    demand(hub, actor, Action.ANSWER_ALERTS)
    end_silence(hub.database, number, actor=actor.name, now=hub.now(), reason=body.reason)
