"""Report the missing production of a quarter: every system that lacks a month whose window has closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.missing_production import missing_production
from hub.rules.periods import month_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.missing_production import MissingSystem
    from hub.rules.periods import ProductionMonth
    from hub.rules.quarters import ProductionQuarter
    from hub.services.queue_notices import Sources


@dataclass(frozen=True, slots=True)
class MissingQuarter:
    """The report of a quarter. `months` are those whose windows have closed: only they can be missing."""

    quarter: ProductionQuarter
    months: tuple[ProductionMonth, ...]
    rows: tuple[MissingSystem, ...]


def report_missing(
    connection: Connection,
    quarter: ProductionQuarter,
    sources: Sources,
    now: int,
    only: frozenset[str] | None = None,
) -> MissingQuarter:
    """Return which systems lack which months of the quarter at `now` (UTC ms): of all systems, or of these only."""
    through = month_of(now)
    while now < sources.window_of(through).closes_at:
        through = month_of(through.starts_at - 1)
    months = tuple(month for month in quarter.months if month <= through)
    rows = missing_production(quarter, through, sources.load(connection, months)) if months else ()
    return MissingQuarter(quarter, months, tuple(row for row in rows if only is None or row.system in only))
