"""Cases of production quarters: when their certificates come, and from when on a month is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.rules.local_times import parse_local
from hub.rules.periods import parse_month
from hub.rules.quarters import gis_calendar, is_exported, quarter_of
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("quarters")
def ask_calendar(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the quarter of a month and the dates of its certificates."""
    quarter = quarter_of(parse_month(given["month"]))
    calendar = gis_calendar(quarter)
    return {
        "quarter": str(quarter),
        "sent": calendar.upload_on.isoformat(),
        "created": calendar.created_on.isoformat(),
        "trading_ends": calendar.trading_ends_on.isoformat(),
    }


@asks("exported")
def ask_exported(given: Mapping[str, Any]) -> dict[str, object]:
    """Return whether a month counts as exported at a time in Massachusetts."""
    return {"exported": is_exported(parse_month(given["month"]), parse_local(given["at"]))}
