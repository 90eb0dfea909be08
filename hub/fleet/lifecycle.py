"""The stages of a device's life: registered, in service, under maintenance until a day, decommissioned.

Maintenance always has an end, so that nobody forgets a device whose silence they muted; decommissioning has none, and
is taken back by a word of the same kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hub.errors import InputError

_DAY_MS = 86_400_000
MAINTENANCE_DAYS_MAX = 92
"""A quarter: what takes longer is said again, or is no maintenance."""


class Stage(StrEnum):
    """Where a device stands in its life."""

    REGISTERED = "registered"
    IN_SERVICE = "in service"
    MAINTENANCE = "maintenance"
    DECOMMISSIONED = "decommissioned"


class Word(StrEnum):
    """What a person can say of a device."""

    MAINTAIN = "maintain"
    RETIRE = "retire"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Said:
    """The last word on a device: `until_at` (UTC ms) ends a maintenance, and is None for the others."""

    word: Word
    until_at: int | None = None


def stage_at(said: Said | None, at: int, *, is_heard: bool) -> Stage:
    """Return the stage of a device at `at` (UTC ms); `is_heard` tells whether a block of it ever came.

    A maintenance that has ended is over without anybody's word.
    """
    if said is not None and said.word is Word.RETIRE:
        return Stage.DECOMMISSIONED
    if said is not None and said.word is Word.MAINTAIN and said.until_at is not None and at < said.until_at:
        return Stage.MAINTENANCE
    return Stage.IN_SERVICE if is_heard else Stage.REGISTERED


def is_watched(stage: Stage) -> bool:
    """Return whether somebody should be told when a device at this stage is silent."""
    return stage is Stage.IN_SERVICE


def check_said(said: Said, stage: Stage, at: int) -> None:
    """Refuse with InputError what cannot be said of a device at `stage` now (`at`, UTC ms)."""
    if said.word is Word.MAINTAIN:
        _check_end(said.until_at, at)
        if stage is Stage.DECOMMISSIONED:
            message = "a decommissioned device is not maintained: resume it first"
            raise InputError(message)
    elif said.until_at is not None:
        message = f"only a maintenance has an end: leave it out to {said.word}"
        raise InputError(message)
    elif said.word is Word.RETIRE and stage is Stage.DECOMMISSIONED:
        message = "the device is decommissioned already"
        raise InputError(message)
    elif said.word is Word.RESUME and stage not in {Stage.MAINTENANCE, Stage.DECOMMISSIONED}:
        message = f"the device is {stage}: only a maintained or decommissioned one is resumed"
        raise InputError(message)


def _check_end(until_at: int | None, at: int) -> None:
    if until_at is None:
        message = "say until when the maintenance lasts: it ends by itself then"
        raise InputError(message)
    if not at < until_at <= at + MAINTENANCE_DAYS_MAX * _DAY_MS:
        message = f"a maintenance ends in the future, and within {MAINTENANCE_DAYS_MAX} days"
        raise InputError(message)
