"""Cases of forwarding: what is sent for a system's month, in which form, and what is held back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.rules.facts import ReportingMode
from hub.rules.forwarding import (
    Forwarded,
    last_taken,
    plan_forwarding,
    reading_time,
    register_kwh,
    service_dollars,
)
from hub.rules.instants import parse_instant
from hub.rules.periods import parse_month
from hub.rules.reported import AcceptedReading, Origin
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = "SLF-AB1234-00001"
MONTH = parse_month("2024-01")


@asks("forwarding")
def ask_plan(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what is to be done with a month, and what is sent."""
    readings = {one["meter"]: _accepted(one) for one in given["meters"]}
    taken: Forwarded | None = None
    for one in given.get("taken", ()):
        taken = last_taken(taken, Forwarded(SYSTEM, one["meter"], one["wh"], parse_instant(one["at"])))
    mode = ReportingMode(given.get("mode", "automatic"))
    plan = plan_forwarding(SYSTEM, mode, readings, taken, given.get("cents"))
    answer: dict[str, object] = {"state": plan.state.value, "why": plan.why}
    if plan.reading is not None:
        answer["kwh"] = register_kwh(plan.reading.register_wh)
        answer["time"] = reading_time(plan.reading.read_at)
        if plan.reading.service_cost_cents is not None:
            answer["dollars"] = service_dollars(plan.reading.service_cost_cents)
    return answer


@asks("forwarded-times")
def ask_time(given: Mapping[str, Any]) -> dict[str, object]:
    """Return a time as it is sent."""
    return {"sent": reading_time(parse_instant(given["at"]))}


def _accepted(one: Mapping[str, Any]) -> AcceptedReading | None:
    if "wh" not in one:
        return None
    return AcceptedReading(1, one["meter"], MONTH, parse_instant(one["at"]), one["wh"], Origin.AUTOMATIC)
