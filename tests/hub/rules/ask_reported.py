"""Cases of what was reported: what a system produced in each month by the readings that count for it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub.rules.local_times import parse_local
from hub.rules.periods import ProductionMonth, parse_month
from hub.rules.reported import (
    AcceptedReading,
    MeterMonth,
    MeterTerms,
    Origin,
    is_active,
    meter_months,
    needs_true_up,
    report_system,
)
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


def wh(kwh: str) -> int:
    """Return an energy that a case writes in kWh."""
    return int(Decimal(kwh) * 1000)


def kwh(energy_wh: int | None) -> str:
    """Return an energy as cases write it."""
    return "none" if energy_wh is None else f"{Decimal(energy_wh) / 1000:f}"


def make_terms(number: int, given: Mapping[str, Any]) -> MeterTerms:
    """Return what a meter of a case began and ended with."""
    return MeterTerms(
        meter=number,
        initial_at=parse_local(given["began"]) if "began" in given else None,
        initial_wh=wh(given["initial_kwh"]) if "initial_kwh" in given else None,
        ended_at=parse_local(given["ended"]) if "ended" in given else None,
        final_wh=wh(given["final_kwh"]) if "final_kwh" in given else None,
        modulus_wh=wh(given["modulus_kwh"]) if "modulus_kwh" in given else None,
    )


def make_accepted(number: int, given: Mapping[str, Any]) -> list[AcceptedReading]:
    """Return the readings that count for a meter of a case."""
    return [
        AcceptedReading(
            id=100 * number + place,
            meter=number,
            month=parse_month(one["month"]),
            read_at=parse_local(one["at"]),
            register_wh=wh(one["kwh"]),
            origin=Origin.MANUAL,
        )
        for place, one in enumerate(given["readings"])
    ]


@asks("reported")
def ask_months(given: Mapping[str, Any]) -> dict[str, object]:
    """Return each month's state and production; a sent quarter's estimates are items for true-up."""
    terms = {place: make_terms(place, one) for place, one in enumerate(given["meter"], 1)}
    parts: dict[tuple[int, ProductionMonth], MeterMonth] = {}
    for place, one in enumerate(given["meter"], 1):
        parts |= {(place, part.month): part for part in meter_months(terms[place], make_accepted(place, one))}
    answer: dict[str, object] = {}
    for text in given["months"]:
        month = parse_month(text)
        report = report_system(
            month, {place: parts.get((place, month)) for place, one in terms.items() if is_active(one, month)}
        )
        line = f"{report.state} {kwh(report.production_wh)}"
        methods = {f"{part.kind} by {part.method}" for part in report.parts if part.method != "difference"}
        sent = text in given.get("sent", [])
        words = (line, *sorted(methods), *(["true-up"] if needs_true_up(report.state, is_sent=sent) else []))
        answer[text] = ", ".join(words)
    return answer
