"""What can be done to all devices of a filter at once, and what becomes of the commands that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.fleet.lifecycle import Word

if TYPE_CHECKING:
    from collections.abc import Mapping


class BulkKind(StrEnum):
    """What is done to each of many devices."""

    MAINTAIN = "maintain"
    RESUME = "resume"
    RETIRE = "retire"
    TAG = "tag"
    UNTAG = "untag"
    STATE = "state"
    RESEND = "resend"
    REPOLL = "repoll"
    RESTART_AGENT = "restart-agent"
    SILENCE = "silence"
    ACKNOWLEDGE = "acknowledge"


class Outcome(StrEnum):
    """What became of a command of a bulk."""

    WAITING = "waiting"
    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


WORDS: Mapping[BulkKind, Word] = {
    BulkKind.MAINTAIN: Word.MAINTAIN,
    BulkKind.RESUME: Word.RESUME,
    BulkKind.RETIRE: Word.RETIRE,
}
"""What is said of each device."""
COMMANDS = frozenset({BulkKind.STATE, BulkKind.RESEND, BulkKind.REPOLL, BulkKind.RESTART_AGENT})
"""What is asked of each device, by a command that waits in the outbox until the device answers."""
OF_ALERTS = frozenset({BulkKind.SILENCE, BulkKind.ACKNOWLEDGE})
_OF_TAGS = frozenset({BulkKind.TAG, BulkKind.UNTAG})
_TIMED = frozenset({BulkKind.MAINTAIN, *OF_ALERTS})
_DESTRUCTIVE = frozenset({BulkKind.RETIRE})


@dataclass(frozen=True, slots=True)
class BulkAction:
    """What is done: `until_at` (UTC ms) ends a maintenance, silence or acknowledgement; `tags` are put on or off."""

    kind: BulkKind
    until_at: int | None = None
    tags: tuple[str, ...] = ()

    @property
    def is_destructive(self) -> bool:
        """Whether the number of devices has to be named, however few these are."""
        return self.kind in _DESTRUCTIVE


def check_action(action: BulkAction) -> None:
    """Refuse with InputError what lacks an end or tags, and what cannot have them."""
    kind = action.kind
    if kind in _TIMED and action.until_at is None:
        message = f"until: say until when to {kind}: it ends by itself then"
        raise InputError(message)
    if kind not in _TIMED and action.until_at is not None:
        message = f"until: {kind} has no end: leave it out"
        raise InputError(message)
    if kind in _OF_TAGS and not action.tags:
        message = "tags: name at least one"
        raise InputError(message)
    if kind not in _OF_TAGS and action.tags:
        message = f"tags: {kind} takes none: leave them out"
        raise InputError(message)
