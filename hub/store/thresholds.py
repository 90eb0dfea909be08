"""By people's word: what the rules of alerts compare with, and from when on; rows are only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from hub.alerting.thresholds import Change
from hub.store.alert_tables import alert_threshold
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True)
class KeptChange:
    """A change under its number, by whose word and why."""

    number: int
    change: Change
    recorded: Recorded


def add_change(connection: Connection, change: Change, recorded: Recorded) -> KeptChange:
    """Keep a change; what was said before stays."""
    values = {
        "threshold": change.threshold,
        "value": change.value,
        "from_at": change.from_at,
        "reason": recorded.reason,
        "recorded_at": recorded.at,
        "actor": recorded.actor,
    }
    added = insert(alert_threshold).values(values).returning(alert_threshold.c.number)
    return KeptChange(int(connection.execute(added).scalar_one()), change, recorded)


def list_changes(connection: Connection, threshold: str | None = None) -> tuple[Change, ...]:
    """Return all that was said, of one threshold or of all, in the order in which it was."""
    query = select(alert_threshold).order_by(alert_threshold.c.number)
    if threshold is not None:
        query = query.where(alert_threshold.c.threshold == threshold)
    return tuple(_change(row) for row in connection.execute(query))


def list_history(
    connection: Connection, threshold: str, limit: int, before: int | None = None
) -> tuple[KeptChange, ...]:
    """Return what was said of a threshold, the last first, under numbers below `before` if given."""
    table = alert_threshold
    query = select(table).where(table.c.threshold == threshold).order_by(table.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.number < before)
    rows = connection.execute(query)
    return tuple(KeptChange(row.number, _change(row), Recorded(row.actor, row.recorded_at, row.reason)) for row in rows)


def _change(row: Row[tuple[object, ...]]) -> Change:
    return Change(row.threshold, row.value, row.from_at)
