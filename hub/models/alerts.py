"""Alerts as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.services.read_alerts import AlertView
    from hub.store.alerts import KeptSilence


class AlertJson(BaseModel):
    """An alert: since when its rule holds, since when it fires, and how it stands; `why` says in numbers."""

    alert: int
    rule: str
    title: str
    subject: str
    severity: str
    standing: str
    why: str
    runbook: str
    since: str
    fired_at: str | None
    last_seen_at: str
    ended_at: str | None
    acknowledged_until: str | None


class AlertsJson(BaseModel):
    """Alerts, the latest first; `next` begins the next page, None after the last."""

    alerts: list[AlertJson]
    next: int | None


class SilenceJson(BaseModel):
    """What is muted: a rule, a subject, or one of the other; null stands for any."""

    silence: int
    rule: str | None
    subject: str | None
    until: str
    reason: str
    actor: str


class SilencesJson(BaseModel):
    """The silences that hold; `next` begins the next page."""

    silences: list[SilenceJson]
    next: str | None = None


def alert_json(view: AlertView) -> AlertJson:
    """Return an alert."""
    episode = view.kept.episode
    return AlertJson(
        alert=view.kept.number,
        rule=episode.code.value,
        title=view.rule.title,
        subject=episode.subject,
        severity=episode.severity.value,
        standing=view.standing.value,
        why=episode.why,
        runbook=view.rule.runbook,
        since=format_instant(episode.since_at),
        fired_at=_instant(episode.fired_at),
        last_seen_at=format_instant(episode.true_at),
        ended_at=_instant(episode.ended_at),
        acknowledged_until=_instant(view.acknowledged_until),
    )


def silence_json(kept: KeptSilence) -> SilenceJson:
    """Return a silence."""
    return SilenceJson(
        silence=kept.number,
        rule=None if kept.silence.code is None else kept.silence.code.value,
        subject=kept.silence.subject,
        until=format_instant(kept.silence.until_at),
        reason=kept.recorded.reason,
        actor=kept.recorded.actor,
    )


def _instant(at: int | None) -> str | None:
    return None if at is None else format_instant(at)
