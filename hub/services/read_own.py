"""Read how a system stands for whoever owns it: its last months as they were reported, and the window they wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.facts import ReportingMode
from hub.rules.periods import date_at
from hub.services.compute_production import find_system
from hub.services.read_reported import read_reported
from hub.services.read_reporting import current_window
from hub.store import facts

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.facts import SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import ReportState
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

    `said` is all that was said of it, whenever it became effective.
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
    months = tuple(
        OwnMonth(one.month, one.state, one.production_wh, is_closed=one.is_closed)
        for one in read_reported(connection, system, limit)
    )
    said = tuple(one.facts for one in facts.list_system_versions(connection, system))
    return OwnSystem(known, said, months, window, is_open)
