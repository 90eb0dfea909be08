"""Messages on their way to channels and people, and each attempt to deliver them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, or_, select, update

from hub.alerting.telling import Way
from hub.store.channel_tables import channel, dispatch, dispatch_attempt
from hub.store.notices_outbox import Attempt, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row


class Kind(StrEnum):
    """What a message is about."""

    ALERTS = "alerts"
    TEST = "test"
    HEARTBEAT = "heartbeat"
    INVITATION = "invitation"
    RESET = "reset"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A message, made at `made_at` and worth delivering until `useful_until` (UTC ms); `body` is JSON.

    It goes to a channel, or where that is None to an account. `event` is its id, which it keeps if it is sent again.
    """

    channel: int | None
    account: str
    kind: Kind
    event: str
    body: str
    made_at: int
    useful_until: int


@dataclass(frozen=True, slots=True)
class WaitingDispatch:
    """A message that no attempt has decided yet: its way, how often it was tried, and when last (UTC ms)."""

    number: int
    dispatch: Dispatch
    way: Way
    tries: int
    tried_at: int | None


@dataclass(frozen=True, slots=True)
class KeptDispatch:
    """A message under its number, with what its attempts came to; `decided` None: it waits."""

    number: int
    dispatch: Dispatch
    decided: Outcome | None
    attempts: tuple[Attempt, ...]


def add_dispatch(connection: Connection, new: Dispatch) -> int:
    """Keep a message to be delivered, and return its number."""
    values = {
        "channel": new.channel,
        "account": new.account,
        "kind": new.kind.value,
        "event": new.event,
        "body": new.body,
        "made_at": new.made_at,
        "useful_until": new.useful_until,
    }
    return int(connection.execute(insert(dispatch).values(values).returning(dispatch.c.number)).scalar_one())


def forget_changes(connection: Connection) -> None:
    """Forget messages about changes of accounts that were never tried."""
    tried = select(dispatch_attempt.c.dispatch)
    connection.execute(
        delete(dispatch).where(
            dispatch.c.kind == Kind.CHANGED.value, dispatch.c.decided.is_(None), dispatch.c.number.not_in(tried)
        )
    )


def list_waiting(connection: Connection) -> tuple[WaitingDispatch, ...]:
    """Return the messages that no attempt has decided, to people and to channels that are tried, the earliest first."""
    query = (
        select(dispatch, channel.c.way, func.count(dispatch_attempt.c.number), func.max(dispatch_attempt.c.tried_at))
        .outerjoin(channel, channel.c.number == dispatch.c.channel)
        .outerjoin(dispatch_attempt, dispatch_attempt.c.dispatch == dispatch.c.number)
        .where(
            dispatch.c.decided.is_(None),
            or_(dispatch.c.channel.is_(None), channel.c.failed_at.is_(None) & channel.c.ended_at.is_(None)),
        )
        .group_by(dispatch.c.number, channel.c.way)
        .order_by(dispatch.c.number)
    )
    # What goes to a person goes by mail.
    return tuple(
        WaitingDispatch(row.number, _dispatch(row), Way(row.way or Way.MAIL), row[-2], row[-1])
        for row in connection.execute(query)
    )


def waiting_since(connection: Connection) -> dict[int, int]:
    """Return since when (UTC ms) the oldest message waits that was tried in vain, by channel."""
    query = (
        select(dispatch.c.channel, func.min(dispatch.c.made_at))
        .join(dispatch_attempt, dispatch_attempt.c.dispatch == dispatch.c.number)
        .where(dispatch.c.decided.is_(None), dispatch.c.channel.is_not(None))
        .group_by(dispatch.c.channel)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def last_made(connection: Connection, number: int, kind: Kind) -> int | None:
    """Return when (UTC ms) the last message of a kind was made for a channel."""
    query = select(func.max(dispatch.c.made_at)).where(dispatch.c.channel == number, dispatch.c.kind == kind.value)
    found: int | None = connection.execute(query).scalar_one()
    return found


def count_links(connection: Connection, account: str, since: int) -> int:
    """Return how many links were made for an account after an instant (UTC ms)."""
    query = select(func.count()).where(
        dispatch.c.account == account, dispatch.c.made_at > since, dispatch.c.kind.in_((Kind.INVITATION, Kind.RESET))
    )
    return int(connection.execute(query).scalar_one())


def find_dispatch(connection: Connection, number: int) -> KeptDispatch | None:
    """Return the message of this number."""
    found = _with_attempts(connection, connection.execute(select(dispatch).where(dispatch.c.number == number)).all())
    return found[0] if found else None


def list_dispatches(
    connection: Connection, limit: int, *, to: int | None = None, before: int | None = None
) -> tuple[KeptDispatch, ...]:
    """Return the newest messages, the newest first: those to a channel, those with a number below `before`."""
    query = select(dispatch).where(dispatch.c.channel.is_not(None)).order_by(dispatch.c.number.desc()).limit(limit)
    if to is not None:
        query = query.where(dispatch.c.channel == to)
    if before is not None:
        query = query.where(dispatch.c.number < before)
    return _with_attempts(connection, connection.execute(query).all())


def add_attempt(connection: Connection, number: int, attempt: Attempt) -> None:
    """Keep what an attempt to deliver a message came to."""
    values = {"tried_at": attempt.tried_at, "outcome": attempt.outcome.value, "answer": attempt.answer}
    connection.execute(insert(dispatch_attempt).values(dispatch=number, **values))
    if attempt.outcome is not Outcome.LATER:
        connection.execute(update(dispatch).where(dispatch.c.number == number).values(decided=attempt.outcome.value))


def _with_attempts(connection: Connection, rows: Sequence[Row[tuple[object, ...]]]) -> tuple[KeptDispatch, ...]:
    attempt = dispatch_attempt
    numbers = [row.number for row in rows]
    tried: dict[int, list[Attempt]] = {}
    for row in connection.execute(select(attempt).where(attempt.c.dispatch.in_(numbers)).order_by(attempt.c.number)):
        tried.setdefault(row.dispatch, []).append(Attempt(row.tried_at, Outcome(row.outcome), row.answer))
    return tuple(
        KeptDispatch(
            row.number,
            _dispatch(row),
            None if row.decided is None else Outcome(row.decided),
            tuple(tried.get(row.number, ())),
        )
        for row in rows
    )


def _dispatch(row: Row[tuple[object, ...]]) -> Dispatch:
    return Dispatch(row.channel, row.account, Kind(row.kind), row.event, row.body, row.made_at, row.useful_until)
