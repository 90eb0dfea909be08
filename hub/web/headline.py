"""What leads: the last complete month, then the newest one, with the word for how far each has come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.errors import UnknownSubjectError
from hub.rules.periods import month_of
from hub.rules.production import EDGE_HALF_WIDTH_MS
from hub.services.compute_production import compute_month
from hub.web.drawing import months_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.rules.production import SystemProduction
    from hub.services.compute_production import SystemMonth

LOOK_BACK_MONTHS = 4
"""How many months a card of the fleet page looks at for one that is complete."""


class MonthState(StrEnum):
    """How far a month has come: a running one wants nothing, a past one that is not complete wants a look."""

    COMPLETE = "complete"
    RUNNING = "running"
    NOT_COMPLETE = "not complete"


@dataclass(frozen=True, slots=True)
class Headline:
    """`lead` stands large, `newest` below it; None where there is no such month, or it leads already."""

    lead: SystemMonth | None
    newest: SystemMonth | None


def month_state(production: SystemProduction, now: int) -> MonthState:
    """Return how far a month has come at `now` (UTC ms)."""
    if production.complete:
        return MonthState.COMPLETE
    return MonthState.RUNNING if now < production.month.ends_at else MonthState.NOT_COMPLETE


def missing_words(computed: SystemMonth) -> str:
    """Return why a month has no number, in two words; its meters' bases and findings say more."""
    begins_at = computed.production.month.starts_at + EDGE_HALF_WIDTH_MS
    closings = [part.production.closing for part in computed.meters]
    was_read = any(closing is not None and closing.read_at > begins_at for closing in closings)
    return "no number" if was_read else "no reading"


def choose_headline(months: Sequence[SystemMonth]) -> Headline:
    """Return what leads, out of a system's months (the latest first)."""
    newest = months[0] if months else None
    lead = next((month for month in months if month.production.complete), newest)
    return Headline(lead, None if newest is lead else newest)


def recent_months(connection: Connection, pts_id: str, last_at: int) -> tuple[SystemMonth, ...]:
    """Return the months that end with the one of the reading at `last_at` (UTC ms), the latest first.

    They are no more than `LOOK_BACK_MONTHS`, and end with the first that is complete.
    """
    found: list[SystemMonth] = []
    # A reading that stands for a month's edge closes the month before and opens none.
    for month in reversed(months_until(month_of(last_at - EDGE_HALF_WIDTH_MS - 1), LOOK_BACK_MONTHS)):
        try:
            found.append(compute_month(connection, pts_id, month))
        except UnknownSubjectError:
            # Not read in this month; an earlier one may still be complete.
            continue
        if found[-1].production.complete:
            break
    return tuple(found)
