"""The JSON API of channels: where alerts are told, and what became of each message."""

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool, StrictInt

from hub.alerting.rules import Severity
from hub.alerting.telling import DIGEST_MINUTES_MAX, Way
from hub.exchange.webhooks import URL_LENGTH_MAX
from hub.models import channels as models
from hub.rules.permissions import Action
from hub.services.manage_channels import (
    ChannelWish,
    add_channel,
    end_channel,
    find_channel,
    replay_dispatch,
    try_channel,
)
from hub.store import channels, dispatches
from hub.web.actors import ActorOf, demand
from hub.web.api.kinds import Number, with_example
from hub.web.api.paging import PageBack
from hub.web.context import HubOf

router = APIRouter(prefix="/api/v1", tags=["channels"])


class ChannelBody(BaseModel):
    """A channel to be made: `target` is a mail address or an https URL."""

    model_config = with_example(way="webhook", target="https://example.org/alerts", least="warning")

    way: Way
    target: str = Field(max_length=URL_LENGTH_MAX)
    least: Severity = Severity.WARNING
    digest_minutes: StrictInt = Field(60, ge=0, le=DIGEST_MINUTES_MAX)
    heartbeat: StrictBool = False


class ChannelEndBody(BaseModel):
    """Why a channel ends."""

    model_config = with_example(reason="moved to another address")

    reason: str = Field(max_length=100)


@router.get("/channels")
def list_channels(hub: HubOf, actor: ActorOf) -> models.ChannelsJson:
    """Return where alerts are told."""
    demand(hub, actor, Action.ANSWER_ALERTS)
    with hub.database.read() as connection:
        found = channels.list_channels(connection)
    return models.ChannelsJson(channels=[models.channel_json(one) for one in found])


@router.post("/channels", status_code=201)
def make_channel(hub: HubOf, actor: ActorOf, body: ChannelBody) -> models.MadeChannelJson:
    """Make a channel; the secret of a webhook is in this answer and never again."""
    demand(hub, actor, Action.ANSWER_ALERTS)
    wish = ChannelWish(body.way, body.target, body.least, body.digest_minutes, body.heartbeat)
    made = add_channel(hub.database, wish, hub.webhooks, hub.sealer, actor=actor.name, now=hub.now())
    return models.made_json(made.channel, made.secret)


@router.post("/channels/{number}/test", status_code=202)
def send_test(hub: HubOf, actor: ActorOf, number: Number) -> models.QueuedJson:
    """Send a test to a channel, and try it again if it was switched off."""
    demand(hub, actor, Action.ANSWER_ALERTS)
    return models.QueuedJson(message=try_channel(hub.database, number, actor=actor.name, now=hub.now()))


@router.post("/channels/{number}/end", status_code=204)
def end(hub: HubOf, actor: ActorOf, number: Number, body: ChannelEndBody) -> None:
    """Tell a channel nothing more."""
    demand(hub, actor, Action.ANSWER_ALERTS)
    end_channel(hub.database, number, actor=actor.name, now=hub.now(), reason=body.reason)


@router.get("/channels/{number}/messages")
def list_messages(hub: HubOf, actor: ActorOf, number: Number, page: PageBack) -> models.DispatchesJson:
    """Return the messages to a channel, the newest first, a page at a time."""
    demand(hub, actor, Action.ANSWER_ALERTS)
    with hub.database.read() as connection:
        find_channel(connection, number)
        found = dispatches.list_dispatches(connection, page.limit, to=number, before=page.cursor)
    following = page.next(found, lambda one: one.number)
    return models.DispatchesJson(messages=[models.dispatch_json(one) for one in found], next=following)


@router.post("/messages/{number}/replay", status_code=202)
def replay(hub: HubOf, actor: ActorOf, number: Number) -> models.QueuedJson:
    """Deliver a message once more, under the id that it had."""
    demand(hub, actor, Action.ANSWER_ALERTS)
    return models.QueuedJson(message=replay_dispatch(hub.database, number, actor=actor.name, now=hub.now()))
