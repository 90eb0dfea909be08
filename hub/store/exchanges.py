"""Meter exchanges: who asked for one to count, on what evidence, and who else decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from hub.store.facts_tables import meter_exchange, meter_exchange_decision

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select


@dataclass(frozen=True, slots=True)
class NewExchange:
    """An old meter (its id) replaced by a new one at an instant (UTC ms), and the registers of both in Wh.

    `evidence` is the SHA-256 of what proves it, in hexadecimal. Empty `new_make` and `new_model` match any.
    """

    system: str
    old_meter: int
    new_serial: str
    new_make: str
    new_model: str
    at: int
    final_wh: int
    initial_wh: int
    evidence: str
    requested_by: str
    requested_at: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided when on an exchange, and why; `new_meter` is the id of the meter that came into service by it."""

    decided_by: str
    decided_at: int
    approved: bool
    reason: str
    new_meter: int | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange under its number; it counts once its decision, None while it waits, approves it."""

    number: int
    asked: NewExchange
    decision: Decision | None


def add_exchange(connection: Connection, asked: NewExchange) -> Exchange:
    """Keep that an exchange was asked for, and return it under its number."""
    values = {name: getattr(asked, name) for name in NewExchange.__slots__}
    number = connection.execute(insert(meter_exchange).values(values).returning(meter_exchange.c.number)).scalar_one()
    return Exchange(number, asked, None)


def add_decision(connection: Connection, number: int, decision: Decision) -> None:
    """Keep what was decided on an exchange: once, for the number is the key."""
    connection.execute(
        insert(meter_exchange_decision).values(
            exchange=number,
            decided_by=decision.decided_by,
            decided_at=decision.decided_at,
            approved=int(decision.approved),
            reason=decision.reason,
            new_meter=decision.new_meter,
        )
    )


def find_exchange(connection: Connection, number: int) -> Exchange | None:
    """Return the exchange with this number."""
    row = connection.execute(_exchanges().where(meter_exchange.c.number == number)).one_or_none()
    return None if row is None else _exchange(row)


def list_exchanges(
    connection: Connection,
    system: str | None = None,
    *,
    is_waiting: bool | None = None,
    after: int = 0,
    limit: int | None = None,
) -> tuple[Exchange, ...]:
    """Return the exchanges of one system or of all, by number, those after one; only those that wait, or do not."""
    query = _exchanges().where(meter_exchange.c.number > after).order_by(meter_exchange.c.number).limit(limit)
    if system is not None:
        query = query.where(meter_exchange.c.system == system)
    if is_waiting is not None:
        decided = meter_exchange_decision.c.exchange
        query = query.where(decided.is_(None) if is_waiting else decided.is_not(None))
    return tuple(map(_exchange, connection.execute(query)))


def _exchanges() -> Select[Any]:
    decision = meter_exchange_decision
    return select(
        meter_exchange,
        decision.c.decided_by,
        decision.c.decided_at,
        decision.c.approved,
        decision.c.reason,
        decision.c.new_meter,
    ).outerjoin(decision, decision.c.exchange == meter_exchange.c.number)


def _exchange(row: Row[Any]) -> Exchange:
    decision = None
    if row.decided_by is not None:
        decision = Decision(row.decided_by, row.decided_at, bool(row.approved), row.reason, row.new_meter)
    asked = NewExchange(**{name: getattr(row, name) for name in NewExchange.__slots__})
    return Exchange(row.number, asked, decision)
