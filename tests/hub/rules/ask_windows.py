"""Cases of reporting windows: when they are, which one an instant is in, and who may report by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub.rules.facts import Technology
from hub.rules.instants import parse_instant
from hub.rules.local_times import format_local, parse_local
from hub.rules.parameters import manual_limits
from hub.rules.periods import REGULATOR_ZONE, date_at, parse_month
from hub.rules.windows import (
    ReportingWindow,
    manual_allowed,
    midnight_at,
    next_window,
    refuse_closed,
    refuse_manual,
    reporting_month,
    window_at,
    window_of,
)
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("windows")
def ask_window(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the first and the last second of a month's window in Massachusetts, and its length."""
    window = window_of(parse_month(given["month"]))
    assert window.opens_at == midnight_at(date_at(window.opens_at)), "a window opens at midnight"
    return {
        "opens": _to_the_second(window.opens_at),
        "last_second": _to_the_second(window.closes_at - 1000),
        "hours": (window.closes_at - window.opens_at) // 3_600_000,
    }


@asks("window_at")
def ask_window_at(given: Mapping[str, Any]) -> dict[str, object]:
    """Return which month is reported at an instant, or why none is and which comes next."""
    at = parse_instant(given["at"])
    window, refusal = window_at(at), refuse_closed(at)
    following = next_window(at)
    if window is None:
        assert refusal is not None, "what is refused has a reason"
        assert format_local(following.opens_at) in refusal.text, "and says when to come again"
        return {"refusal": str(refusal.code), "next": str(following.month)}
    assert refusal is None, "what is taken has no refusal"
    return {"window": str(window.month), "next": str(following.month)}


@asks("reporting_month")
def ask_reporting_month(given: Mapping[str, Any]) -> dict[str, object]:
    """Return which month a reading reports, by the time that the clocks in Massachusetts showed."""
    month = reporting_month(parse_local(given["read"]))
    return {"month": "none" if month is None else str(month)}


@asks("two_readings")
def ask_two_readings(given: Mapping[str, Any]) -> dict[str, object]:
    """Return in what order two readings were taken, and which month each reports."""
    first, second = (parse_local(text) for text in given["readings"])
    windows: list[ReportingWindow | None] = [window_at(first), window_at(second)]
    return {
        "order": "first before second" if first < second else "second before first" if second < first else "the same",
        "minutes_between": abs(second - first) // 60_000,
        "months": [str(window.month) for window in windows if window is not None],
    }


@asks("manual")
def ask_manual(given: Mapping[str, Any]) -> dict[str, object]:
    """Return whether a system may be reported by hand on a day."""
    raised = given.get("raised_on")
    arguments = (
        Technology(given.get("technology", "pv")),
        int(Decimal(given["kw_dc"]) * 1000),
        int(Decimal(given["kw_ac"]) * 1000) if "kw_ac" in given else None,
        date.fromisoformat(given["on"]),
        manual_limits(None if raised is None else date.fromisoformat(raised)),
    )
    refusal = refuse_manual(*arguments)
    assert manual_allowed(*arguments) is (refusal is None)
    return {"manual": "allowed"} if refusal is None else {"manual": str(refusal.code), "says": refusal.text}


def _to_the_second(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(REGULATOR_ZONE).isoformat(sep=" ")
