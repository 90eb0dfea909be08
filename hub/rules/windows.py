"""The windows in which months are reported, in the regulator's zone, and who may report in them by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.facts import Technology
from hub.rules.instants import to_instant
from hub.rules.local_times import format_local
from hub.rules.parameters import MANUAL_LIMIT, Basis, in_force
from hub.rules.periods import REGULATOR_ZONE, ProductionMonth, date_at, month_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.parameters import Dated, ManualLimit

OPEN_DAYS_BEFORE = 5
"""A window opens with the fifth-last day of its month: the published example is 27 January."""

OPEN_DAYS_AFTER = 5
"""It closes with the end of the fifth day of the next month."""


@dataclass(frozen=True, slots=True)
class ReportingWindow:
    """When a production month may be reported: from `opens_at` (UTC ms), up to but not including `closes_at`."""

    month: ProductionMonth
    opens_at: int
    closes_at: int


class ReportingRefusalCode(StrEnum):
    """Why nothing is taken, whatever the reading says."""

    WINDOW_CLOSED = "WINDOW_CLOSED"
    MANUAL_NOT_ALLOWED = "MANUAL_NOT_ALLOWED"


@dataclass(frozen=True, slots=True)
class ReportingRefusal:
    """Why nothing is taken, under which clause (a name in `citations`), and in one sentence what to do."""

    code: ReportingRefusalCode
    clause: str
    text: str


def window_of(month: ProductionMonth) -> ReportingWindow:
    """Return the window of a month: ten days in Massachusetts, an hour longer where the clocks go back in it.

    Before 2007 the clocks went forward in April, so the window of March was an hour shorter then.
    Citation: `citations.REPORTING_WINDOW`.
    """
    last = month.last_day
    opens_on = last - timedelta(days=OPEN_DAYS_BEFORE - 1)
    closed_on = last + timedelta(days=OPEN_DAYS_AFTER + 1)
    return ReportingWindow(month, midnight_at(opens_on), midnight_at(closed_on))


def window_at(at_ms: int) -> ReportingWindow | None:
    """Return the window that is open at an instant (UTC ms), None between two windows.

    Citation: `citations.REPORTING_WINDOW`.
    """
    if not _FIRST.opens_at <= at_ms < _LAST.closes_at:
        return None
    on = date_at(at_ms)
    if on.day <= OPEN_DAYS_AFTER:
        before = on - timedelta(days=on.day)
        return window_of(ProductionMonth(before.year, before.month))
    month = ProductionMonth(on.year, on.month)
    return window_of(month) if on.day > month.last_day.day - OPEN_DAYS_BEFORE else None


def next_window(at_ms: int) -> ReportingWindow:
    """Return the window that opens next after an instant (UTC ms), also while another is open.

    Raises InputError after the last month there is. Citation: `citations.REPORTING_WINDOW`.
    """
    if at_ms < _FIRST.opens_at:
        return _FIRST
    month = month_of(at_ms)
    window = window_of(month)
    return window if at_ms < window.opens_at else window_of(month.next())


def reporting_month(read_at: int) -> ProductionMonth | None:
    """Return the month that a reading of this instant (UTC ms) reports, None where it was taken between two windows.

    Readings of the first five days report the month before. Citation: `citations.READING_MONTH`.
    """
    window = window_at(read_at)
    return None if window is None else window.month


def refuse_closed(at_ms: int) -> ReportingRefusal | None:
    """Return why nothing can be reported at an instant (UTC ms) and when it can, None while a window is open.

    Citation: `citations.REPORTING_WINDOW`.
    """
    if window_at(at_ms) is not None:
        return None
    following = next_window(at_ms)
    text = (
        f"No window is open: the next one, for {following.month}, opens {format_local(following.opens_at)} and closes "
        f"{format_local(following.closes_at)}; report then what the register shows then"
    )
    return ReportingRefusal(ReportingRefusalCode.WINDOW_CLOSED, "REPORTING_WINDOW", text)


def refuse_manual(
    technology: Technology,
    capacity_w_dc: int,
    capacity_w_ac: int | None,
    on: date,
    limits: Sequence[Dated[ManualLimit]] = (MANUAL_LIMIT,),
) -> ReportingRefusal | None:
    """Return why a system may not be reported by hand on a day, None if it may; nameplates are whole watts.

    Citation: `citations.MANUAL_LIMIT_10_KW`.
    """
    limit = in_force(limits, on)
    assert limit is not None, "one of the limits has no date: it was always in force"
    is_pv = technology is Technology.PV
    basis = Basis.DC if is_pv else limit.value.other_basis
    limit_w = limit.value.pv_w_dc if is_pv else limit.value.other_w
    nameplate_w = capacity_w_dc if basis is Basis.DC else capacity_w_ac
    if nameplate_w is None:
        text = (
            f"Manual reporting is allowed up to {_kilowatts(limit_w)} {basis}, and the AC nameplate of this system is "
            "not known: register it, or have a data acquisition system report"
        )
    elif nameplate_w > limit_w:
        text = (
            f"This system has {_kilowatts(nameplate_w)} {basis}, and manual reporting is allowed up to "
            f"{_kilowatts(limit_w)} {basis}: have a data acquisition system report"
        )
    else:
        return None
    clause = "MANUAL_LIMIT_10_KW" if limit.citation == MANUAL_LIMIT.citation else "MANUAL_LIMIT_25_KW"
    return ReportingRefusal(ReportingRefusalCode.MANUAL_NOT_ALLOWED, clause, text)


def manual_allowed(
    technology: Technology,
    capacity_w_dc: int,
    capacity_w_ac: int | None,
    on: date,
    limits: Sequence[Dated[ManualLimit]] = (MANUAL_LIMIT,),
) -> bool:
    """Return whether a system may be reported by hand on a day. Citation: `citations.MANUAL_LIMIT_10_KW`."""
    return refuse_manual(technology, capacity_w_dc, capacity_w_ac, on, limits) is None


def midnight_at(on: date) -> int:
    """Return the instant (UTC ms) at which a day begins in Massachusetts. Citation: `citations.CALENDAR_MONTH`."""
    return to_instant(datetime(on.year, on.month, on.day, tzinfo=REGULATOR_ZONE).astimezone(UTC))


def _kilowatts(power_w: int) -> str:
    return f"{power_w // 1000}.{power_w % 1000:03d}".rstrip("0").rstrip(".") + " kW"


_FIRST = window_of(ProductionMonth(1970, 1))
_LAST = window_of(ProductionMonth(2999, 12))
