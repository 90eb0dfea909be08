"""Alerts as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.services.read_alerts import AlertView
    from hub.store.alerts import Acknowledgement, KeptSilence


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


class AcknowledgementJson(BaseModel):
    """Somebody's word that they look after an alert until an instant."""

    until: str
    reason: str
    actor: str
    at: str


class AlertShownJson(AlertJson):
    """An alert with who said that they look after it, the last first."""

    acknowledgements: list[AcknowledgementJson]


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


def alert_shown_json(view: AlertView, words: Sequence[Acknowledgement]) -> AlertShownJson:
    """Return an alert with what people said of it."""
    said = [
        AcknowledgementJson(
            until=format_instant(one.until_at),
            reason=one.recorded.reason,
            actor=one.recorded.actor,
            at=format_instant(one.recorded.at),
        )
        for one in words
    ]
    return AlertShownJson(**dict(alert_json(view)), acknowledgements=said)


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
