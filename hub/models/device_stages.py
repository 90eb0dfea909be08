"""What people say of devices, in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from hub.rules.instants import format_instant
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from hub.services.say_of_device import Staged
    from hub.store.device_words import DeviceWord


class StagedJson(BaseModel):
    """A device and the stage it is at; `until` is when its maintenance ends by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"device": "9f1c03d2a4b5e6f7", "stage": "maintenance", "until": "2026-12-01T12:00:00Z"}]
        }
    )

    device: str
    stage: str
    until: str | None


class DeviceWordJson(BaseModel):
    """What somebody said of a device: maintain, retire or resume; and why."""

    word: str
    until: str | None
    reason: str
    recorded_at: str
    actor: str


class DeviceWordsJson(BaseModel):
    """What was ever said of a device, the last first; `next` begins the next page."""

    words: list[DeviceWordJson]
    next: int | None = None


class DeviceTagsJson(BaseModel):
    """A device and its tags."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"device": "9f1c03d2a4b5e6f7", "tags": ["roof", "lte"]}]})

    device: str
    tags: list[str]


def staged_json(staged: Staged) -> StagedJson:
    """Return a device's stage as JSON."""
    return StagedJson(
        device=format_device_id(staged.device.id), stage=staged.stage.value, until=_instant(staged.until_at)
    )


def word_json(one: DeviceWord) -> DeviceWordJson:
    """Return a word on a device as JSON."""
    return DeviceWordJson(
        word=one.said.word.value,
        until=_instant(one.said.until_at),
        reason=one.recorded.reason,
        recorded_at=format_instant(one.recorded.at),
        actor=one.recorded.actor,
    )


def _instant(at: int | None) -> str | None:
    return None if at is None else format_instant(at)
