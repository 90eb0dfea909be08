"""Channels that alerts are told by, and what each was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exists, insert, select, update

from hub.alerting.rules import Severity
from hub.alerting.telling import Interest, Way
from hub.store.alert_tables import alert
from hub.store.channel_tables import alert_told, channel
from hub.store.dialect import insert_new

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

FIRING = "firing"
OVER = "over"


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: an address or a URL, and what it wants; instants are UTC ms.

    `failed_at` is since when the hub does not try it any more, `ended_at` since when nobody wants it.
    """

    number: int
    way: Way
    target: str
    interest: Interest
    has_heartbeat: bool
    made_at: int
    made_by: str
    failed_at: int | None = None
    ended_at: int | None = None


def add_channel(connection: Connection, new: Channel) -> int:
    """Keep a channel, still without a secret, and return its number."""
    values = {
        "way": new.way.value,
        "target": new.target,
        "secret": b"",
        "least": new.interest.least.value,
        "digest_ms": new.interest.digest_ms,
        "has_heartbeat": int(new.has_heartbeat),
        "made_at": new.made_at,
        "made_by": new.made_by,
    }
    return int(connection.execute(insert(channel).values(values).returning(channel.c.number)).scalar_one())


def save_secret(connection: Connection, number: int, sealed: bytes) -> None:
    """Keep a channel's sealed secret."""
    connection.execute(update(channel).where(channel.c.number == number).values(secret=sealed))


def find_secret(connection: Connection, number: int) -> bytes:
    """Return the sealed secret of a channel that there is."""
    return bytes(connection.execute(select(channel.c.secret).where(channel.c.number == number)).scalar_one())


def find_channel(connection: Connection, number: int) -> Channel | None:
    """Return the channel of this number."""
    row = connection.execute(select(channel).where(channel.c.number == number)).one_or_none()
    return None if row is None else _channel(row)


def list_channels(connection: Connection) -> tuple[Channel, ...]:
    """Return the channels that somebody wants, in the order in which they were made."""
    rows = connection.execute(select(channel).where(channel.c.ended_at.is_(None)).order_by(channel.c.number))
    return tuple(map(_channel, rows))


def save_failure(connection: Connection, number: int, at: int | None) -> None:
    """Keep since when (UTC ms) a channel is not tried any more; None: it is tried."""
    connection.execute(update(channel).where(channel.c.number == number).values(failed_at=at))


def end_channel(connection: Connection, number: int, at: int) -> None:
    """Keep that nobody wants a channel any more since `at` (UTC ms)."""
    connection.execute(update(channel).where(channel.c.number == number).values(ended_at=at))


def told_firing(connection: Connection, number: int) -> frozenset[int]:
    """Return the alerts that are not over and that a channel was told of."""
    query = (
        select(alert_told.c.alert)
        .join(alert, alert.c.number == alert_told.c.alert)
        .where(alert_told.c.channel == number, alert_told.c.said == FIRING, alert.c.ended_at.is_(None))
    )
    return frozenset(connection.execute(query).scalars())


def untold_ends(connection: Connection, number: int, limit: int) -> tuple[int, ...]:
    """Return alerts that are over, that a channel was told of, and of whose end it was not."""
    other = alert_told.alias()
    is_told = exists().where(other.c.channel == number, other.c.alert == alert_told.c.alert, other.c.said == OVER)
    query = (
        select(alert_told.c.alert)
        .join(alert, alert.c.number == alert_told.c.alert)
        .where(alert_told.c.channel == number, alert_told.c.said == FIRING, alert.c.ended_at.is_not(None), ~is_told)
        .order_by(alert_told.c.alert)
        .limit(limit)
    )
    return tuple(connection.execute(query).scalars())


def add_told(connection: Connection, number: int, alerts: Iterable[int], said: str, at: int) -> None:
    """Keep that a channel is told of these alerts at `at` (UTC ms)."""
    rows = [{"channel": number, "alert": one, "said": said, "told_at": at} for one in alerts]
    if rows:
        connection.execute(insert_new(connection, alert_told), rows)


def _channel(row: Row[tuple[object, ...]]) -> Channel:
    return Channel(
        number=row.number,
        way=Way(row.way),
        target=row.target,
        interest=Interest(Severity(row.least), row.digest_ms),
        has_heartbeat=bool(row.has_heartbeat),
        made_at=row.made_at,
        made_by=row.made_by,
        failed_at=row.failed_at,
        ended_at=row.ended_at,
    )
