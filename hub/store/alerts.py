"""Alerts as they stand and stood, and what people said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, exists, func, insert, select, tuple_, update

from hub.alerting.life import Episode, Silence
from hub.alerting.rules import Code, Severity
from hub.store.alert_tables import FIRES, IS_OPEN, alert, alert_acknowledgement, alert_silence
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Connection, Row


@dataclass(frozen=True, slots=True)
class KeptAlert:
    """An episode under its number."""

    number: int
    episode: Episode


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """Episodes that are not over and alike: of one rule, as severe, all of them firing or none."""

    code: Code
    severity: Severity
    is_fired: bool


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


def page_open(connection: Connection, before: int | None, limit: int) -> tuple[KeptAlert, ...]:
    """Return episodes that are not over, the latest first, those with a number below `before` if given."""
    return _page(connection, alert.c.ended_at.is_(None), before, limit)


def find_open(connection: Connection, numbers: Collection[int]) -> tuple[KeptAlert, ...]:
    """Return of these episodes those that are not over, in the order in which they began."""
    chosen = select(alert).where(alert.c.number.in_(list(numbers)), alert.c.ended_at.is_(None))
    return tuple(map(_alert, connection.execute(chosen.order_by(alert.c.number))))


def find_firing(connection: Connection) -> frozenset[Code]:
    """Return the rules of which an episode fires: one look into an index for each, however many episodes there are."""
    fires = [exists().where(alert.c.code == code.value, FIRES).label(code.value) for code in Code]
    found = connection.execute(select(*fires)).one()
    return frozenset(code for code, is_firing in zip(Code, found, strict=True) if is_firing)


def count_open(connection: Connection) -> dict[OpenGroup, int]:
    """Return how many episodes are not over, by rule, severity, and whether they fire."""
    group = (alert.c.code, alert.c.severity)
    query = select(*group, func.count(alert.c.fired_at), func.count()).where(IS_OPEN).group_by(*group)
    found = {}
    for code, severity, fired, number in connection.execute(query):
        found[OpenGroup(Code(code), Severity(severity), is_fired=True)] = fired
        found[OpenGroup(Code(code), Severity(severity), is_fired=False)] = number - fired
    return found


def list_group(connection: Connection, group: OpenGroup, limit: int) -> tuple[KeptAlert, ...]:
    """Return the first episodes of a group, in the order in which they fired, or began."""
    fires = alert.c.fired_at.is_not(None) if group.is_fired else alert.c.fired_at.is_(None)
    query = select(alert).where(
        IS_OPEN, alert.c.code == group.code.value, alert.c.severity == group.severity.value, fires
    )
    return tuple(map(_alert, connection.execute(query.order_by(alert.c.fired_at, alert.c.number).limit(limit))))


def list_spoken_of(connection: Connection, at: int) -> tuple[KeptAlert, ...]:
    """Return the episodes that fire of which somebody said something that may hold at `at` (UTC ms) of them alone.

    They are those that somebody looks after, and those of a subject that is silenced.
    """
    looked_after = select(alert_acknowledgement.c.alert).where(alert_acknowledgement.c.until_at > at)
    silence = alert_silence
    silenced = select(silence.c.subject).where(silence.c.until_at > at, silence.c.subject != "")
    found = [*connection.execute(select(alert).where(FIRES, alert.c.number.in_(looked_after)))]
    if connection.execute(silenced.limit(1)).first() is not None:
        found += connection.execute(select(alert).where(FIRES, alert.c.subject.in_(silenced)))
    return tuple({row.number: _alert(row) for row in found}.values())


def list_over(connection: Connection, before: int | None, limit: int) -> tuple[KeptAlert, ...]:
    """Return episodes that are over, the latest first, those with a number below `before` if given."""
    return _page(connection, alert.c.ended_at.is_not(None), before, limit)


def find_alert(connection: Connection, number: int) -> KeptAlert | None:
    """Return the episode of this number."""
    row = connection.execute(select(alert).where(alert.c.number == number)).one_or_none()
    return None if row is None else _alert(row)


def add_episodes(connection: Connection, begun: Collection[Episode]) -> None:
    """Keep episodes that begin."""
    if begun:
        values = [{"code": one.code.value, "subject": one.subject, **_changing(one)} for one in begun]
        connection.execute(insert(alert), values)


def save_episodes(connection: Connection, changed: Collection[tuple[int, Episode]]) -> None:
    """Keep how the episodes of these numbers go on."""
    if changed:
        values = [{"of": number, **_changing(one)} for number, one in changed]
        connection.execute(update(alert).where(alert.c.number == bindparam("of")), values)


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


def acknowledged_until(connection: Connection, numbers: Collection[int] | None = None) -> dict[int, int]:
    """Return until when (UTC ms) each of these alerts, or each that is not over, is looked after: by the last word."""
    table = alert_acknowledgement
    newest = (
        select(func.max(table.c.number))
        .join(alert, alert.c.number == table.c.alert)
        .where(alert.c.ended_at.is_(None))
        .group_by(table.c.alert)
    )
    if numbers is not None:
        newest = newest.where(table.c.alert.in_(list(numbers)))
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


def list_silences(
    connection: Connection, at: int, *, after: tuple[int, int] | None = None, limit: int | None = None
) -> tuple[KeptSilence, ...]:
    """Return the silences that hold at `at` (UTC ms), those that end first first.

    All of them, or at most `limit` beyond an end (UTC ms) and a number.
    """
    table = alert_silence
    query = select(table).where(table.c.until_at > at).order_by(table.c.until_at, table.c.number).limit(limit)
    if after is not None:
        query = query.where(tuple_(table.c.until_at, table.c.number) > tuple_(*after))
    return tuple(map(_silence, connection.execute(query)))


def find_silence(connection: Connection, number: int) -> KeptSilence | None:
    """Return the silence of this number."""
    row = connection.execute(select(alert_silence).where(alert_silence.c.number == number)).one_or_none()
    return None if row is None else _silence(row)


def end_silence(connection: Connection, number: int, at: int) -> None:
    """Let a silence end at `at` (UTC ms)."""
    connection.execute(update(alert_silence).where(alert_silence.c.number == number).values(until_at=at))


def _page(connection: Connection, where: ColumnElement[bool], before: int | None, limit: int) -> tuple[KeptAlert, ...]:
    query = select(alert).where(where).order_by(alert.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(alert.c.number < before)
    return tuple(map(_alert, connection.execute(query)))


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
