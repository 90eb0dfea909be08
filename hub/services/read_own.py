"""Read how a system stands for whoever owns it: its last months as they were reported, and the window they wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.facts import ReportingMode
from hub.rules.periods import date_at
from hub.rules.reported import ReportState
from hub.services.account_months import account_months
from hub.services.compute_production import find_system
from hub.services.read_reporting import current_window
from hub.store import facts, ledger, months, system_meters

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.facts import SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.windows import ReportingWindow


@dataclass(frozen=True, slots=True)
class OwnMonth:
    """A month as it was reported; `is_closed` says whether somebody went over it, so that it no longer just changes."""

    month: ProductionMonth
    state: ReportState
    production_wh: int | None
    is_closed: bool


@dataclass(frozen=True, slots=True)
class OwnSystem:
    """A system with its last months, the latest first, and the window that is open or comes next.

    `said` is all that was said of it, whenever it became effective. The months begin with the one of that window, if
    anything was reported for it.
    """

    facts: SystemFacts
    said: tuple[SystemFacts, ...]
    months: tuple[OwnMonth, ...]
    window: ReportingWindow
    is_open: bool

    @property
    def is_automatic(self) -> bool:
        """Whether devices report it."""
        return self.facts.reporting_mode is ReportingMode.AUTOMATIC


def read_own(connection: Connection, pts_id: str, now: int, limit: int) -> OwnSystem:
    """Return how a system stands at `now` (UTC ms), with at most `limit` months.

    Months that nobody went over yet are drawn up from what was accepted so far. Raises UnknownSubjectError for an
    unregistered system.
    """
    system = find_system(connection, pts_id).pts_id
    known = facts.find_system_facts(connection, system, date_at(now))
    assert known is not None, "a registered system has facts from its beginning on"
    window, is_open = current_window(now)
    found = {
        row.month: OwnMonth(row.month, ReportState(row.state), row.production_wh, is_closed=True)
        for row in months.list_system_months(connection, system, limit=limit)
    }
    for month in (window.month.previous(), window.month):
        drawn = None if month in found else _draw(connection, system, month, now)
        if drawn is not None:
            found[month] = drawn
    latest = sorted(found.values(), key=lambda one: one.month, reverse=True)
    said = tuple(one.facts for one in facts.list_system_versions(connection, system))
    return OwnSystem(known, said, tuple(latest[:limit]), window, is_open)


def _draw(connection: Connection, system: str, month: ProductionMonth, now: int) -> OwnMonth | None:
    """Return a month by what was accepted for it so far, None where nothing was."""
    meters = {system: system_meters.list_meters_of(connection, system)}
    (account,) = account_months(connection, meters, month, until=ledger.last_number(connection), at=now)
    if account.state is ReportState.MISSING:
        return None
    return OwnMonth(month, account.state, account.production_wh, is_closed=False)
