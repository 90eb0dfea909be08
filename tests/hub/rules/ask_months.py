"""Cases of the calendar: which production month an instant belongs to, and where that month begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.rules.instants import format_instant, parse_instant
from hub.rules.periods import month_of
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("months")
def ask_month(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the production month of an instant, and the month's edges."""
    month = month_of(parse_instant(given["at"]))
    return {
        "month": str(month),
        "starts": format_instant(month.starts_at),
        "ends": format_instant(month.ends_at),
    }
