"""The life of an alert: pending while it has not held for long, firing, acknowledged or muted, and over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from hub.alerting.rules import Code, Rule, Severity

DAYS_MAX = 92
_DAY_MS = 86_400_000


class Standing(StrEnum):
    """How an alert stands, what wants somebody first."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    INHIBITED = "inhibited"
    SILENCED = "silenced"
    PENDING = "pending"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Seen:
    """A rule that holds of a subject now; `why` says in numbers."""

    code: Code
    subject: str
    severity: Severity
    why: str


@dataclass(frozen=True, slots=True)
class Episode:
    """One time that a rule held of a subject; instants are UTC ms.

    `since_at` is when it began to hold, `true_at` when it was last seen to, `fired_at` when it had held for long enough
    (None: not yet), `ended_at` when it was over.
    """

    code: Code
    subject: str
    severity: Severity
    why: str
    since_at: int
    true_at: int
    fired_at: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """What is muted until an instant (UTC ms): a rule, a subject, or one rule of one subject; None stands for any."""

    code: Code | None
    subject: str | None
    until_at: int


def step(held: Episode | None, seen: Seen | None, rule: Rule, at: int) -> Episode | None:
    """Return the episode after a look at `at` (UTC ms); None for one that ended before it fired, or that never began.

    What was not seen any more goes on until it has been gone for `keep_ms`: so no alert flaps faster than that.
    """
    if seen is None:
        if held is None or held.fired_at is None:
            return None
        return replace(held, ended_at=at) if at - held.true_at >= rule.keep_ms else held
    if held is None:
        held = Episode(seen.code, seen.subject, seen.severity, seen.why, at, at)
    held = replace(held, severity=seen.severity, why=seen.why, true_at=at)
    if held.fired_at is None and at - held.since_at >= rule.for_ms:
        return replace(held, fired_at=at)
    return held


def standing_of(  # noqa: PLR0913 - all that bears on it
    episode: Episode,
    rule: Rule,
    *,
    firing: Collection[Code],
    silences: Iterable[Silence],
    acknowledged_until: int | None,
    at: int,
) -> Standing:
    """Return how an alert stands at `at` (UTC ms), given which rules fire of anything, and what people said."""
    if episode.ended_at is not None:
        return Standing.RESOLVED
    if episode.fired_at is None:
        return Standing.PENDING
    if any(_mutes(silence, episode, at) for silence in silences):
        return Standing.SILENCED
    if any(code in firing for code in rule.inhibited_by):
        return Standing.INHIBITED
    if acknowledged_until is not None and at < acknowledged_until:
        return Standing.ACKNOWLEDGED
    return Standing.FIRING


def check_until(until_at: int, at: int) -> None:
    """Refuse with InputError an end that has come, or that is so far off that nobody remembers."""
    if not at < until_at <= at + DAYS_MAX * _DAY_MS:
        message = f"say until when, in the future and within {DAYS_MAX} days: it ends by itself then"
        raise InputError(message)


def _mutes(silence: Silence, episode: Episode, at: int) -> bool:
    fits = silence.code in {None, episode.code} and silence.subject in {None, episode.subject}
    return fits and at < silence.until_at
