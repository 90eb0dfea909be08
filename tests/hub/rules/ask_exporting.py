"""Cases of exporting a quarter: what is sent, what is left out, and why a final file is not made twice."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub.rules.certificates import keeps_back
from hub.rules.exporting import (
    MonthToExport,
    SentMonth,
    changed_months,
    choose_months,
    refuse_another,
    refuse_final,
    sum_units,
)
from hub.rules.facts import ProgrammeName
from hub.rules.periods import parse_month
from hub.rules.quarters import parse_quarter
from hub.rules.registry_files import Layout, write_file
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("exporting")
def ask_exporting(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the lines that go to NEPOOL GIS, and what is left out."""
    quarter = parse_quarter(given["quarter"])
    kept_back = {system: int(Decimal(kwh) * 1000) for system, kwh in given.get("kept_back_kwh", {}).items()}
    assert bool(kept_back) <= keeps_back(quarter), "only an old quarter keeps something back"
    chosen = choose_months(quarter, [_month(one) for one in given["months"]], kept_back)
    text = write_file(Layout.NEPOOL_GIS, quarter, sum_units(chosen.sent))
    answer: dict[str, object] = {"lines": text.splitlines()}
    if chosen.left_out:
        answer["left_out"] = [f"{one.system} {one.month}: {one.why}" for one in chosen.left_out]
    return answer


@asks("final_file")
def ask_final(given: Mapping[str, Any]) -> dict[str, object]:
    """Return why no final file is made, and which months are otherwise than they were sent."""
    quarter = parse_quarter(given["quarter"])
    refusal = refuse_final(quarter, [parse_month(month) for month in given.get("not_closed", [])])
    if refusal is not None:
        return {"refused": refusal}
    if "sent" not in given:
        return {"final": "made"}
    changed = changed_months([_sent(one) for one in given["sent"]], [_sent(one) for one in given["now"]])
    if not changed and given.get("same_bytes", True):
        return {"final": "the same again"}
    return {"refused": refuse_another(quarter, changed)}


def _month(one: Mapping[str, Any]) -> MonthToExport:
    return MonthToExport(
        system=one["system"],
        gis_asset=one.get("asset", ""),
        programme=ProgrammeName(one.get("programme", "srec_2")),
        factor_percent=80,
        month=parse_month(one["month"]),
        production_wh=int(Decimal(one["kwh"]) * 1000),
        is_estimated=False,
    )


def _sent(line: str) -> SentMonth:
    system, month, unit, kwh = line.split()
    return SentMonth(system, parse_month(month), unit, int(kwh), is_estimated=False)
