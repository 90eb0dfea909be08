"""How an owner's system stands, in words that need no explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.formats import kilowatt_hours, local_day, month_name
from hub.rules.reported import ReportState

if TYPE_CHECKING:
    from hub.services.read_own import OwnMonth, OwnSystem

STATES = {
    ReportState.REPORTED: "reported and accepted",
    ReportState.PARTIAL: "reported in part",
    ReportState.ESTIMATED: "estimated",
    ReportState.MISSING: "not reported",
}
_MINUTE_MS = 60_000


def tell_standing(own: OwnSystem) -> str:
    """Return in two sentences what was reported last, and what can be reported until when."""
    latest = next((one for one in own.months if one.month <= own.window.month), None)
    is_done = latest is not None and latest.month == own.window.month and latest.state is ReportState.REPORTED
    told = "Nothing was reported yet." if latest is None else _tell_month(latest)
    return f"{told} {_tell_next(own)}" if not is_done else told


def _tell_month(one: OwnMonth) -> str:
    name, number = month_name(one.month), one.production_wh
    if one.state is ReportState.REPORTED and number is not None:
        return f"{name} is reported and accepted: {kilowatt_hours(number)}."
    if one.state is ReportState.ESTIMATED and number is not None:
        return f"{name} was estimated, for no reading came for it: {kilowatt_hours(number)}."
    if one.state is ReportState.PARTIAL:
        return f"{name} is reported in part: the reading of a meter is missing."
    if one.state is ReportState.REPORTED:
        return f"{name} is reported, and its number is being looked at."
    return f"{name} was not reported."


def _tell_next(own: OwnSystem) -> str:
    name, window = month_name(own.window.month), own.window
    last_day = local_day(window.closes_at - _MINUTE_MS)
    if own.is_automatic:
        verb = "reports by itself"
        return (
            f"{name} {verb} until {last_day}." if own.is_open else f"{name} {verb} from {local_day(window.opens_at)}."
        )
    if own.is_open:
        return f"{name} can be reported until {last_day}."
    return f"{name} can be reported from {local_day(window.opens_at)} until {last_day}."
