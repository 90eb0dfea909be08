"""What was forwarded to MassCEC: every call as it was sent, its answer as it came, and what MassCEC took last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Select, and_, func, insert, select

from hub.rules.forwarding import Forwarded, last_taken
from hub.rules.periods import parse_month
from hub.store.facts import chunks
from hub.store.forward_tables import forward_anew, forward_answer, forward_call, forward_item, forward_verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import ColumnElement, Connection, Row

    from hub.rules.periods import ProductionMonth

TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class ItemVerdict:
    """What became of a system's reading: `verdict` None while no answer is kept; `said_by` is empty for an answer."""

    reading: Forwarded
    verdict: str | None
    said: str
    said_by: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call at `sent_at` (UTC ms), as it was sent but for what is secret, and its answer as it came."""

    number: int
    month: ProductionMonth
    door: str
    is_test: bool
    sent_at: int
    actor: str
    request: str
    answered_at: int | None = None
    status: int | None = None
    body: str = ""


def add_call(connection: Connection, new: Call, readings: Iterable[Forwarded]) -> int:
    """Keep a call that is about to be made, and return its number."""
    added = insert(forward_call).values(
        month=str(new.month),
        door=new.door,
        is_test=int(new.is_test),
        sent_at=new.sent_at,
        actor=new.actor,
        request=new.request,
    )
    number: int = connection.execute(added.returning(forward_call.c.number)).scalar_one()
    items = [
        {
            "call": number,
            "system": one.system,
            "meter_id": one.meter,
            "register_wh": one.register_wh,
            "read_at": one.read_at,
            "service_cost_cents": one.service_cost_cents,
        }
        for one in readings
    ]
    connection.execute(insert(forward_item), items)
    return number


def add_answer(connection: Connection, call: int, at: int, status: int | None, body: str) -> None:
    """Keep the answer to a call, or with `status` None that none came."""
    connection.execute(insert(forward_answer).values(call=call, answered_at=at, status=status, body=body))


def add_verdicts(
    connection: Connection, call: int, verdicts: Iterable[tuple[str, str, str]], at: int, said_by: str = ""
) -> None:
    """Keep what became of systems' readings: system, verdict, words; by the answer, or by the word of `said_by`."""
    rows = [
        {"call": call, "system": system, "verdict": verdict, "said": said, "said_at": at, "said_by": said_by}
        for system, verdict, said in verdicts
    ]
    connection.execute(insert(forward_verdict), rows)


def begin_anew(connection: Connection, system: str, at: int, actor: str, reason: str) -> None:
    """Keep that MassCEC began a system's register anew: what it took so far bounds nothing any more."""
    last = select(func.coalesce(func.max(forward_call.c.number), 0)).scalar_subquery()
    connection.execute(
        insert(forward_anew).values(system=system, after_call=last, said_at=at, said_by=actor, reason=reason)
    )


def find_last_taken(connection: Connection, systems: Collection[str]) -> dict[str, Forwarded]:
    """Return what MassCEC took last of each of these systems; those of which it took nothing are left out."""
    anew = select(func.max(forward_anew.c.after_call)).where(forward_anew.c.system == forward_item.c.system)
    since = func.coalesce(anew.scalar_subquery(), 0)
    found: dict[str, Forwarded] = {}
    for chunk in chunks(systems):
        query = (
            select(forward_item)
            .join(forward_call, forward_call.c.number == forward_item.c.call)
            .join(forward_verdict, _is_of_item())
            .where(
                forward_item.c.system.in_(chunk),
                forward_call.c.is_test == 0,
                forward_item.c.call > since,
                forward_verdict.c.verdict == TAKEN,
                _is_last_word(),
            )
            .order_by(forward_item.c.call)
        )
        for row in connection.execute(query):
            found[row.system] = last_taken(found.get(row.system), _reading(row))
    return found


def find_call(connection: Connection, number: int) -> Call | None:
    """Return the call with this number."""
    row = connection.execute(_calls().where(forward_call.c.number == number)).one_or_none()
    return None if row is None else _call(row)


def list_calls(
    connection: Connection, *, month: ProductionMonth | None = None, before: int | None = None, limit: int = 100
) -> tuple[Call, ...]:
    """Return the latest calls, the latest first; `before` a number pages on."""
    query = _calls().order_by(forward_call.c.number.desc()).limit(limit)
    if month is not None:
        query = query.where(forward_call.c.month == str(month))
    if before is not None:
        query = query.where(forward_call.c.number < before)
    return tuple(map(_call, connection.execute(query)))


def list_items(connection: Connection, call: int) -> tuple[ItemVerdict, ...]:
    """Return what became of each system of a call, by PTS id."""
    query = (
        select(forward_item, forward_verdict.c.verdict, forward_verdict.c.said, forward_verdict.c.said_by)
        .select_from(forward_item)
        .outerjoin(forward_verdict, and_(_is_of_item(), _is_last_word()))
        .where(forward_item.c.call == call)
        .order_by(forward_item.c.system)
    )
    return tuple(
        ItemVerdict(_reading(row), row.verdict, row.said or "", row.said_by or "") for row in connection.execute(query)
    )


def _is_of_item() -> ColumnElement[bool]:
    return and_(forward_verdict.c.call == forward_item.c.call, forward_verdict.c.system == forward_item.c.system)


def _is_last_word() -> ColumnElement[bool]:
    later = forward_verdict.alias("later")
    newer = select(later.c.number).where(
        later.c.call == forward_verdict.c.call,
        later.c.system == forward_verdict.c.system,
        later.c.number > forward_verdict.c.number,
    )
    return ~newer.correlate(forward_verdict).exists()


def _calls() -> Select[tuple[object, ...]]:
    answer = forward_answer.c
    query: Select[tuple[object, ...]] = select(forward_call, answer.answered_at, answer.status, answer.body)
    return query.outerjoin(forward_answer, answer.call == forward_call.c.number)


def _call(row: Row[tuple[object, ...]]) -> Call:
    return Call(
        number=row.number,
        month=parse_month(row.month),
        door=row.door,
        is_test=bool(row.is_test),
        sent_at=row.sent_at,
        actor=row.actor,
        request=row.request,
        answered_at=row.answered_at,
        status=row.status,
        body=row.body or "",
    )


def _reading(row: Row[tuple[object, ...]]) -> Forwarded:
    return Forwarded(row.system, row.meter_id, row.register_wh, row.read_at, row.service_cost_cents)
