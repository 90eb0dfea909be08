"""Report the missing production of a quarter: every system that lacks a month whose window has closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.missing_production import missing_production
from hub.rules.periods import month_of
from hub.rules.quarters import quarter_of
from hub.rules.windows import window_of
from hub.services.load_responsibilities import SYSTEMS_AT_ONCE, load_lacking
from hub.store import missing_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from hub.rules.missing_production import MissingSystem
    from hub.rules.periods import ProductionMonth
    from hub.rules.quarters import ProductionQuarter
    from hub.rules.reminders import Window
    from hub.services.queue_notices import Sources
    from hub.store.database import Database

QUARTERS = 8
"""Of the last so many the hub keeps which systems lack a month."""


@dataclass(frozen=True, slots=True)
class MissingQuarter:
    """The report of a quarter. `months` are those whose windows have closed: only they can be missing."""

    quarter: ProductionQuarter
    months: tuple[ProductionMonth, ...]
    rows: tuple[MissingSystem, ...]


@dataclass(frozen=True, slots=True)
class MissingPage:
    """A page of the report of a quarter, of systems that lacked a month when the hub last looked and still do.

    `systems` is how many did, `looked_at` when that was (UTC ms); both are None before the first look. `after` is the
    system after which the next page begins, None after the last.
    """

    quarter: ProductionQuarter
    months: tuple[ProductionMonth, ...]
    systems: int | None
    looked_at: int | None
    rows: tuple[MissingSystem, ...]
    after: str | None


def closed_months(
    quarter: ProductionQuarter, now: int, window: Callable[[ProductionMonth], Window] = window_of
) -> tuple[ProductionMonth, ...]:
    """Return the months of a quarter whose windows have closed at `now` (UTC ms): a later one is not missing yet."""
    return tuple(month for month in quarter.months if window(month).closes_at <= now)


def last_quarters(now: int) -> tuple[ProductionQuarter, ...]:
    """Return the quarter that runs at `now` (UTC ms) and those before it, the latest first."""
    month = month_of(now)
    found = [quarter_of(month)]
    while len(found) < QUARTERS:
        month = found[-1].months[0].previous()
        found.append(quarter_of(month))
    return tuple(found)


def report_missing(connection: Connection, quarter: ProductionQuarter, sources: Sources, now: int) -> MissingQuarter:
    """Return which systems lack which months of any quarter at `now` (UTC ms): it looks at every system."""
    months = closed_months(quarter, now, sources.window_of)
    rows = missing_production(quarter, months[-1], sources.load(connection, months)) if months else ()
    return MissingQuarter(quarter, months, rows)


def page_missing(  # noqa: PLR0913 - whose systems of which quarter, from where on
    connection: Connection,
    quarter: ProductionQuarter,
    now: int,
    *,
    only: frozenset[str] | None,
    after: str = "",
    limit: int,
) -> MissingPage:
    """Return the next systems that lack a month of a quarter, of all or `only` some, by what the hub keeps.

    Raises InputError for a quarter that it does not keep.
    """
    months = closed_months(quarter, now)
    if quarter < last_quarters(now)[-1]:
        message = f"{quarter} is too long ago to be kept ready: `meter-hub notices missing {quarter}` reports it"
        raise InputError(message)
    look = missing_lines.find_look(connection, quarter)
    if not months or look is None:
        return MissingPage(quarter, months, None, None, (), None)
    # Of a month that has closed since, nobody has counted yet what lacks it.
    months = months[: look.months]
    names = missing_lines.list_lines(connection, quarter, only=only, after=after, limit=limit)
    lacking, _ = load_lacking(connection, months, "", len(names), names)
    return MissingPage(
        quarter=quarter,
        months=months,
        systems=look.systems if only is None else missing_lines.count_lines(connection, quarter, only),
        looked_at=look.looked_at,
        rows=missing_production(quarter, months[-1], lacking),
        after=names[-1] if len(names) == limit else None,
    )


def iterate_missing(
    database: Database, quarter: ProductionQuarter, now: int, only: frozenset[str] | None
) -> Iterator[tuple[MissingSystem, ...]]:
    """Yield the whole report of a quarter in pieces, by system; between two of them nothing is held open."""
    months, after = closed_months(quarter, now), "" if closed_months(quarter, now) else None
    while after is not None:
        with database.read() as connection:
            lacking, after = load_lacking(connection, months, after, SYSTEMS_AT_ONCE, only)
        yield missing_production(quarter, months[-1], lacking)
