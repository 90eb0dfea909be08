"""The Missing Production Report of a quarter: which systems lack which months, and who is sent it unasked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.quarters import quarter_of
from hub.rules.reminders import NoticeKey, Occasion
from hub.rules.responsibilities import Duty, share_out

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from hub.rules.periods import ProductionMonth
    from hub.rules.quarters import ProductionQuarter
    from hub.rules.reminders import Turn
    from hub.rules.reported import AcceptedReading
    from hub.rules.responsibilities import Responsibility, Share

TOLERATED_SYSTEMS = 10
"""How many systems may lack a month before whoever answers for them is sent the report."""


@dataclass(frozen=True, slots=True)
class MissingSystem:
    """A row of the report: a system, who reports it, who holds its GIS account, and which months it lacks.

    Names are joined by commas where there are several, and empty where there is nobody. `last` is the latest accepted
    reading, None before the first.
    """

    system: str
    name: str
    reporter: str
    account_holder: str
    capacity_w_dc: int
    months: tuple[ProductionMonth, ...]
    last: AcceptedReading | None


@dataclass(frozen=True, slots=True)
class MissingReport:
    """The report as it is mailed to one person: rows of that person's systems, `missing` of which lack the month."""

    key: NoticeKey
    turn: Turn
    share: Share
    quarter: ProductionQuarter
    missing: int
    rows: tuple[MissingSystem, ...]


def missing_production(
    quarter: ProductionQuarter, through: ProductionMonth, responsibilities: Sequence[Responsibility]
) -> tuple[MissingSystem, ...]:
    """Return a row for every system that lacks a month of the quarter up to `through`, by system.

    `through` is the last month whose window has closed: a later one is not missing yet.
    Citation: `citations.MISSING_PRODUCTION_REPORT`.
    """
    months = [month for month in quarter.months if month <= through]
    rows = (
        MissingSystem(
            system=one.system,
            name=one.name,
            reporter=_names(one, _reporting(one)),
            account_holder=_names(one, Duty.GIS_ACCOUNT_HOLDER),
            capacity_w_dc=one.capacity_w_dc,
            months=tuple(month for month in months if month in one.missing),
            last=one.last,
        )
        for one in sorted(responsibilities, key=lambda each: each.system)
    )
    return tuple(row for row in rows if row.months)


def is_sent_report(missing: int, tolerated: int = TOLERATED_SYSTEMS) -> bool:
    """Return whether somebody who answers for so many systems that lack a month is sent the report.

    Citation: `citations.MORE_THAN_TEN`.
    """
    return missing > tolerated


def reports_due(
    turn: Turn,
    responsibilities: Sequence[Responsibility],
    said: Collection[NoticeKey] = (),
    tolerated: int = TOLERATED_SYSTEMS,
) -> tuple[MissingReport, ...]:
    """Return the reports to mail now, by address; none while the month's window is open.

    Whatever somebody's duties to a system are, it counts once. What is in `said` is not said again.
    Citation: `citations.MORE_THAN_TEN`.
    """
    if turn.occasion is not Occasion.WINDOW_MISSED:
        return ()
    quarter = quarter_of(turn.month)
    reports: list[MissingReport] = []
    for share in share_out(responsibilities, lambda _one, _duty: True):
        key = NoticeKey(share.recipient, Occasion.MISSING_PRODUCTION, turn.month)
        missing = sum(turn.month in one.missing for one in share.systems)
        if is_sent_report(missing, tolerated) and key not in said:
            rows = missing_production(quarter, turn.month, share.systems)
            reports.append(MissingReport(key, turn, share, quarter, missing, rows))
    return tuple(reports)


def _reporting(one: Responsibility) -> Duty:
    """Return the duty of whoever reports the system: a DAS provider where nobody else does."""
    duties = {who.duty for who in one.responsible}
    return Duty.PRODUCTION_REPORTER if Duty.PRODUCTION_REPORTER in duties else Duty.DAS_PROVIDER


def _names(one: Responsibility, duty: Duty) -> str:
    return ", ".join(dict.fromkeys(who.name for who in one.responsible if who.duty is duty))
