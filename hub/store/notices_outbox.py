"""Mail that is due, and each attempt to send it; what became of a mail follows from its attempts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, insert, select

from hub.rules.periods import parse_month
from hub.rules.reminders import NoticeKey, Occasion
from hub.store.dialect import insert_new
from hub.store.notice_tables import notice, notice_attempt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row

    from hub.rules.periods import ProductionMonth

OPEN_MS_MAX = 60 * 86_400_000
"""Longer than any notice is of use: what was made earlier is not looked at, however long the hub was down."""


class Outcome(StrEnum):
    """What an attempt came to. After any but `later` there is no other one."""

    SENT = "sent"
    LATER = "later"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


class NoticeState(StrEnum):
    """What is known of a notice: it waits to be sent, or its last attempt has decided."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt (UTC ms), and what the mail server answered or what else happened, in one line."""

    tried_at: int
    outcome: Outcome
    answer: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail as it was written, made at `made_at` and worth sending until `useful_until` (UTC ms)."""

    key: NoticeKey
    name: str
    address: str
    subject: str
    text: str
    html: str
    made_at: int
    useful_until: int


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """A notice in the outbox: its number there, and the attempts to send it in order."""

    id: int
    notice: Notice
    attempts: tuple[Attempt, ...]

    def state_at(self, now: int) -> NoticeState:
        """Return what became of it by `now` (UTC ms): what still waits and is of no use any more is given up."""
        last = self.attempts[-1].outcome if self.attempts else Outcome.LATER
        if last is not Outcome.LATER:
            return NoticeState(last.value)
        return NoticeState.WAITING if now < self.notice.useful_until else NoticeState.GIVEN_UP


@dataclass(frozen=True, slots=True)
class MailCounts:
    """How many notices there are in each state, and since when the oldest that waits does (UTC ms)."""

    numbers: Mapping[NoticeState, int]
    waiting_since: int | None


@dataclass(frozen=True, slots=True)
class WaitingNotice:
    """A notice to be sent: worth it until `useful_until`, tried so often, and last at `tried_at` (UTC ms)."""

    id: int
    useful_until: int
    attempts: int
    tried_at: int | None


def add_notice(connection: Connection, added: Notice) -> bool:
    """Keep a notice to be sent and return whether it is new: one to this person, for this occasion, is kept once."""
    key = {"recipient": added.key.recipient, "occasion": added.key.occasion.value, "month": str(added.key.month)}
    words = {"name": added.name, "address": added.address, "subject": added.subject}
    body = {"text": added.text, "html": added.html, "made_at": added.made_at, "useful_until": added.useful_until}
    done = connection.execute(insert_new(connection, notice).values(**key, **words, **body))
    return bool(done.rowcount)


def keys_of(connection: Connection, month: ProductionMonth) -> frozenset[NoticeKey]:
    """Return what was kept of a month, sent or not."""
    query = select(notice.c.recipient, notice.c.occasion).where(notice.c.month == str(month))
    return frozenset(NoticeKey(row.recipient, Occasion(row.occasion), month) for row in connection.execute(query))


def waiting_notices(connection: Connection, now: int) -> tuple[WaitingNotice, ...]:
    """Return the notices that no attempt has decided yet at `now` (UTC ms), the earliest first, without their words."""
    attempt, other = notice_attempt, notice_attempt.alias()
    decided = exists().where(other.c.notice_id == notice.c.id, other.c.outcome != Outcome.LATER.value)
    query = (
        select(notice.c.id, notice.c.useful_until, func.count(attempt.c.id), func.max(attempt.c.tried_at))
        .outerjoin(attempt, attempt.c.notice_id == notice.c.id)
        .where(notice.c.made_at > now - OPEN_MS_MAX, ~decided)
        .group_by(notice.c.id, notice.c.useful_until)
        .order_by(notice.c.id)
    )
    return tuple(WaitingNotice(*row) for row in connection.execute(query))


def count_states(connection: Connection, now: int) -> MailCounts:
    """Return how the notices of the last sixty days stand at `now` (UTC ms), as `KeptNotice.state_at` says it."""
    attempt = notice_attempt
    decided = select(attempt.c.notice_id, func.max(attempt.c.outcome).label("outcome")).where(
        attempt.c.outcome != Outcome.LATER.value
    )
    last = decided.group_by(attempt.c.notice_id).subquery()
    is_useful = notice.c.useful_until > now
    query = (
        select(last.c.outcome, is_useful.label("is_useful"), func.count().label("number"), func.min(notice.c.made_at))
        .outerjoin(last, last.c.notice_id == notice.c.id)
        .where(notice.c.made_at > now - OPEN_MS_MAX)
        .group_by(last.c.outcome, is_useful)
    )
    numbers: dict[NoticeState, int] = {}
    waiting_since = None
    for outcome, useful, number, made_at in connection.execute(query):
        undecided = NoticeState.WAITING if useful else NoticeState.GIVEN_UP
        state = undecided if outcome is None else NoticeState(outcome)
        numbers[state] = numbers.get(state, 0) + number
        waiting_since = made_at if state is NoticeState.WAITING else waiting_since
    return MailCounts(numbers, waiting_since)


def find_notice(connection: Connection, number: int) -> KeptNotice:
    """Return the notice with this number, which has to be there."""
    (found,) = _with_attempts(connection, connection.execute(select(notice).where(notice.c.id == number)).all())
    return found


def list_notices(connection: Connection, limit: int, before: int | None = None) -> tuple[KeptNotice, ...]:
    """Return the newest notices, the newest first; only those with a number below `before` where it is given."""
    query = select(notice).order_by(notice.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(notice.c.id < before)
    return _with_attempts(connection, connection.execute(query).all())


def add_attempt(connection: Connection, number: int, attempt: Attempt) -> None:
    """Keep what an attempt to send the notice with this number came to."""
    connection.execute(
        insert(notice_attempt).values(
            notice_id=number, tried_at=attempt.tried_at, outcome=attempt.outcome.value, answer=attempt.answer
        )
    )


def _with_attempts(connection: Connection, rows: Sequence[Row[tuple[object, ...]]]) -> tuple[KeptNotice, ...]:
    numbers = [row.id for row in rows]
    if not numbers:
        return ()
    attempt = notice_attempt
    # A range and not a list: there may be more numbers than a statement takes values.
    query = select(attempt).where(attempt.c.notice_id.between(min(numbers), max(numbers))).order_by(attempt.c.id)
    tried: dict[int, list[Attempt]] = {}
    for row in connection.execute(query):
        tried.setdefault(row.notice_id, []).append(Attempt(row.tried_at, Outcome(row.outcome), row.answer))
    return tuple(KeptNotice(row.id, _notice(row), tuple(tried.get(row.id, ()))) for row in rows)


def _notice(row: Row[tuple[object, ...]]) -> Notice:
    return Notice(
        key=NoticeKey(row.recipient, Occasion(row.occasion), parse_month(row.month)),
        name=row.name,
        address=row.address,
        subject=row.subject,
        text=row.text,
        html=row.html,
        made_at=row.made_at,
        useful_until=row.useful_until,
    )
