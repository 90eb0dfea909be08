"""What a channel is told of: what is severe enough for it, at once where it is critical, else gathered in digests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.alerting.rules import Severity

if TYPE_CHECKING:
    from collections.abc import Collection

HEARTBEAT_MS = 3_600_000
DIGEST_MINUTES_MAX = 10_080
_ORDER = tuple(Severity)


class Way(StrEnum):
    """How a channel is reached."""

    MAIL = "mail"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Interest:
    """What a channel wants: alerts of severity `least` or worse, those that are not critical every `digest_ms`."""

    least: Severity
    digest_ms: int

    def wants(self, severity: Severity) -> bool:
        """Return whether an alert of this severity is told at all."""
        return _ORDER.index(severity) <= _ORDER.index(self.least)

    def is_due(self, severities: Collection[Severity], last_at: int | None, at: int) -> bool:
        """Return whether what is new, of these severities, is told at `at` (UTC ms); `last_at` is when it last was."""
        if not severities:
            return False
        return Severity.CRITICAL in severities or last_at is None or not 0 <= at - last_at < self.digest_ms


def is_heartbeat_due(last_at: int | None, at: int) -> bool:
    """Return whether a channel that watches the hub is to hear at `at` (UTC ms) that it lives."""
    return last_at is None or not 0 <= at - last_at < HEARTBEAT_MS
