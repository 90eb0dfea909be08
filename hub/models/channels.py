"""Channels and the messages to them as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import BaseModel, JsonValue

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.store.channels import Channel
    from hub.store.dispatches import KeptDispatch

_MINUTE_MS = 60_000


class ChannelJson(BaseModel):
    """Where alerts are told: those of severity `least` or worse, those that are not critical gathered.

    `failed_at` is since when the hub does not try it any more.
    """

    channel: int
    way: str
    target: str
    least: str
    digest_minutes: int
    heartbeat: bool
    made_at: str
    made_by: str
    failed_at: str | None


class MadeChannelJson(ChannelJson):
    """A channel with the secret by which a webhook's receiver knows its messages: shown once, null ever after."""

    secret: str | None


class ChannelsJson(BaseModel):
    """The channels there are."""

    channels: list[ChannelJson]


class AttemptJson(BaseModel):
    """An attempt to deliver a message, and what was answered."""

    at: str
    outcome: str
    answer: str


class DispatchJson(BaseModel):
    """A message to a channel: `event` is its id, `state` what became of it."""

    message: int
    channel: int
    kind: str
    event: str
    state: str
    made_at: str
    body: JsonValue
    attempts: list[AttemptJson]


class DispatchesJson(BaseModel):
    """Messages, the newest first; `next` is before which number they go on."""

    messages: list[DispatchJson]
    next: int | None


class QueuedJson(BaseModel):
    """The number of a message that waits to be delivered."""

    message: int


def channel_json(one: Channel) -> ChannelJson:
    """Return a channel."""
    return ChannelJson(
        channel=one.number,
        way=one.way.value,
        target=one.target,
        least=one.interest.least.value,
        digest_minutes=one.interest.digest_ms // _MINUTE_MS,
        heartbeat=one.has_heartbeat,
        made_at=format_instant(one.made_at),
        made_by=one.made_by,
        failed_at=None if one.failed_at is None else format_instant(one.failed_at),
    )


def made_json(one: Channel, secret: str) -> MadeChannelJson:
    """Return a channel that was made just now."""
    return MadeChannelJson(**channel_json(one).model_dump(), secret=secret or None)


def dispatch_json(kept: KeptDispatch) -> DispatchJson:
    """Return a message to a channel."""
    sent = kept.dispatch
    assert sent.channel is not None, "messages to people are not listed"
    return DispatchJson(
        message=kept.number,
        channel=sent.channel,
        kind=sent.kind.value,
        event=sent.event,
        state="waiting" if kept.decided is None else kept.decided.value,
        made_at=format_instant(sent.made_at),
        body=json.loads(sent.body),
        attempts=[
            AttemptJson(at=format_instant(one.tried_at), outcome=one.outcome.value, answer=one.answer)
            for one in kept.attempts
        ],
    )
