"""By the operator's word: from which day on the raised limit of manual reporting holds; the last word counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from hub.store.dates import to_date, to_text
from hub.store.facts import Recorded
from hub.store.facts_tables import manual_limit_day

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class LimitDay:
    """From which day on the raised limit holds, None where it does not; and by whose word."""

    raised_on: date | None
    recorded: Recorded


def add_day(connection: Connection, said: LimitDay) -> None:
    """Keep what is said; what was said before stays."""
    connection.execute(
        insert(manual_limit_day).values(
            raised_on=to_text(said.raised_on),
            reason=said.recorded.reason,
            recorded_at=said.recorded.at,
            actor=said.recorded.actor,
        )
    )


def list_days(connection: Connection) -> tuple[LimitDay, ...]:
    """Return all that was ever said, the last first."""
    rows = connection.execute(select(manual_limit_day).order_by(manual_limit_day.c.number.desc()))
    return tuple(LimitDay(to_date(row.raised_on), Recorded(row.actor, row.recorded_at, row.reason)) for row in rows)


def find_raised_on(connection: Connection) -> date | None:
    """Return from which day on the raised limit holds by the last word, None where it does not."""
    table = manual_limit_day
    query = select(table.c.raised_on).order_by(table.c.number.desc()).limit(1)
    return to_date(connection.execute(query).scalar_one_or_none())
