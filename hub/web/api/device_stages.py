"""The JSON API for what staff say of devices: maintenance, decommissioning, service again, tags."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hub.fleet.lifecycle import Said, Word
from hub.fleet.tags import TAGS_MAX, Retagging, parse_tag
from hub.models import device_stages as models
from hub.rules.instants import parse_instant
from hub.rules.permissions import Action
from hub.services.find_device import find_device
from hub.services.say_of_device import say_of_device
from hub.services.tag_device import tag_device
from hub.store import device_words
from hub.web.actors import ActorOf, demand
from hub.web.api.kinds import with_example
from hub.web.api.paging import PageBack
from hub.web.context import HubOf
from hub.web.visitors import ViewerOf

router = APIRouter(prefix="/api/v1", tags=["devices"])


class WordBody(BaseModel):
    """What is said of a device; `until` ends a maintenance and is empty for the others."""

    model_config = with_example(word="maintain", until="2026-12-01T12:00:00Z", reason="roof works until Tuesday")

    word: Word
    until: str = Field("", max_length=40)
    reason: str = Field(max_length=100)


class TagsBody(BaseModel):
    """Tags that are put on a device, and others that are taken off."""

    model_config = with_example(add=["lte"], remove=["new"])

    add: list[str] = Field(default=[], max_length=TAGS_MAX)
    remove: list[str] = Field(default=[], max_length=TAGS_MAX)


@router.post("/devices/{device}/words", status_code=201)
def say(hub: HubOf, actor: ActorOf, device: str, body: WordBody) -> models.StagedJson:
    """Put a device under maintenance until an instant, decommission it, or take it into service again."""
    demand(hub, actor, Action.REGISTER_SYSTEM)
    said = Said(body.word, parse_instant(body.until) if body.until else None)
    staged = say_of_device(hub.database, device, said, actor=actor.name, now=hub.now(), reason=body.reason)
    return models.staged_json(staged)


@router.post("/devices/{device}/tags", status_code=201)
def tag(hub: HubOf, actor: ActorOf, device: str, body: TagsBody) -> models.DeviceTagsJson:
    """Put tags on a device and take others off; the answer has those that it has from then on."""
    demand(hub, actor, Action.REGISTER_SYSTEM)
    wish = Retagging(tuple(map(parse_tag, body.add)), tuple(map(parse_tag, body.remove)))
    tags = tag_device(hub.database, device, wish, actor=actor.name, now=hub.now())
    return models.DeviceTagsJson(device=device, tags=list(tags))


@router.get("/devices/{device}/words")
def list_said(hub: HubOf, viewer: ViewerOf, device: str, page: PageBack) -> models.DeviceWordsJson:
    """Return what was ever said of a device, the last first."""
    demand(hub, viewer, Action.VIEW_PRODUCTION)
    with hub.database.read() as connection:
        known = find_device(connection, device)
        words = device_words.list_words(connection, known.id, before=page.cursor, limit=page.limit)
    following = page.next(words, lambda one: one.number)
    return models.DeviceWordsJson(words=[models.word_json(one) for one in words], next=following)
