"""Alerts as they stand and stood, and what people said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from hub.alerting.life import Episode, Silence
from hub.alerting.rules import Code, Severity
from hub.store.alert_tables import alert, alert_acknowledgement, alert_silence
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True)
class KeptAlert:
    """An episode under its number."""

    number: int
    episode: Episode


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody looks after an alert until an instant (UTC ms)."""

    alert: int
    until_at: int
    recorded: Recorded


@dataclass(frozen=True, slots=True)
class KeptSilence:
    """A silence under its number, by whose word and why."""

    number: int
    silence: Silence
    recorded: Recorded


def list_open(connection: Connection) -> tuple[KeptAlert, ...]:
    """Return every episode that is not over, in the order in which they began."""
    rows = connection.execute(select(alert).where(alert.c.ended_at.is_(None)).order_by(alert.c.number))
    return tuple(map(_alert, rows))


def list_over(connection: Connection, before: int | None, limit: int) -> tuple[KeptAlert, ...]:
    """Return episodes that are over, the latest first, those with a number below `before` if given."""
    query = select(alert).where(alert.c.ended_at.is_not(None)).order_by(alert.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(alert.c.number < before)
    return tuple(map(_alert, connection.execute(query)))


def find_alert(connection: Connection, number: int) -> KeptAlert | None:
    """Return the episode of this number."""
    row = connection.execute(select(alert).where(alert.c.number == number)).one_or_none()
    return None if row is None else _alert(row)


def add_episode(connection: Connection, episode: Episode) -> None:
    """Keep an episode that begins."""
    connection.execute(insert(alert).values(code=episode.code.value, subject=episode.subject, **_changing(episode)))


def save_episode(connection: Connection, number: int, episode: Episode) -> None:
    """Keep how an episode goes on."""
    connection.execute(update(alert).where(alert.c.number == number).values(**_changing(episode)))


def drop_episode(connection: Connection, number: int) -> None:
    """Forget an episode that ended before it fired, with who meant to look after it: nobody was told of it."""
    connection.execute(delete(alert_acknowledgement).where(alert_acknowledgement.c.alert == number))
    connection.execute(delete(alert).where(alert.c.number == number))


def add_acknowledgement(connection: Connection, said: Acknowledgement) -> None:
    """Keep that somebody looks after an alert."""
    connection.execute(
        insert(alert_acknowledgement).values(
            alert=said.alert,
            until_at=said.until_at,
            reason=said.recorded.reason,
            recorded_at=said.recorded.at,
            actor=said.recorded.actor,
        )
    )


def list_acknowledgements(connection: Connection, number: int) -> tuple[Acknowledgement, ...]:
    """Return who said of an alert that they look after it, the last first."""
    table = alert_acknowledgement
    rows = connection.execute(select(table).where(table.c.alert == number).order_by(table.c.number.desc()))
    return tuple(
        Acknowledgement(row.alert, row.until_at, Recorded(row.actor, row.recorded_at, row.reason)) for row in rows
    )


def acknowledged_until(connection: Connection) -> dict[int, int]:
    """Return until when (UTC ms) each alert that is not over is looked after, by the last word on it."""
    table = alert_acknowledgement
    newest = (
        select(func.max(table.c.number))
        .join(alert, alert.c.number == table.c.alert)
        .where(alert.c.ended_at.is_(None))
        .group_by(table.c.alert)
    )
    rows = connection.execute(select(table.c.alert, table.c.until_at).where(table.c.number.in_(newest)))
    return {row.alert: row.until_at for row in rows}


def add_silence(connection: Connection, silence: Silence, recorded: Recorded) -> int:
    """Keep a silence and return its number."""
    values = {
        "code": "" if silence.code is None else silence.code.value,
        "subject": silence.subject or "",
        "until_at": silence.until_at,
        "reason": recorded.reason,
        "recorded_at": recorded.at,
        "actor": recorded.actor,
    }
    added = insert(alert_silence).values(values).returning(alert_silence.c.number)
    return int(connection.execute(added).scalar_one())


def list_silences(connection: Connection, at: int) -> tuple[KeptSilence, ...]:
    """Return the silences that hold at `at` (UTC ms), those that end first first."""
    table = alert_silence
    rows = connection.execute(select(table).where(table.c.until_at > at).order_by(table.c.until_at, table.c.number))
    return tuple(_silence(row) for row in rows)


def find_silence(connection: Connection, number: int) -> KeptSilence | None:
    """Return the silence of this number."""
    row = connection.execute(select(alert_silence).where(alert_silence.c.number == number)).one_or_none()
    return None if row is None else _silence(row)


def end_silence(connection: Connection, number: int, at: int) -> None:
    """Let a silence end at `at` (UTC ms)."""
    connection.execute(update(alert_silence).where(alert_silence.c.number == number).values(until_at=at))


def _changing(episode: Episode) -> dict[str, object]:
    return {
        "severity": episode.severity.value,
        "why": episode.why,
        "since_at": episode.since_at,
        "true_at": episode.true_at,
        "fired_at": episode.fired_at,
        "ended_at": episode.ended_at,
    }


def _alert(row: Row[tuple[object, ...]]) -> KeptAlert:
    episode = Episode(
        code=Code(row.code),
        subject=row.subject,
        severity=Severity(row.severity),
        why=row.why,
        since_at=row.since_at,
        true_at=row.true_at,
        fired_at=row.fired_at,
        ended_at=row.ended_at,
    )
    return KeptAlert(row.number, episode)


def _silence(row: Row[tuple[object, ...]]) -> KeptSilence:
    silence = Silence(Code(row.code) if row.code else None, row.subject or None, row.until_at)
    return KeptSilence(row.number, silence, Recorded(row.actor, row.recorded_at, row.reason))
