"""Cases of metering: how exact a meter has to be, and what is said of one that is not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub.rules.facts import MeterFacts, Programme, ProgrammeName, SystemFacts
from hub.rules.metering import check_meter, required_class
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


def ppm(percent: str | None) -> int | None:
    """Return a class that a case writes in per cent."""
    return None if percent is None else int(Decimal(percent) * 10_000)


@asks("metering")
def ask_meter(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what is required of a system's meter, and what speaks against the one it has."""
    capacity_w = int(Decimal(given["kw_dc"]) * 1000)
    day = date(2024, 6, 1)
    system = SystemFacts("SLF-AB1234-00001", "Roof", day, capacity_w, is_funded=given.get("funded", False))
    tested = given.get("tested_on")
    meter = MeterFacts(
        meter=1,
        system=system.system,
        serial="PV-1",
        make="",
        model="",
        accuracy_class_ppm=ppm(given.get("accuracy")),
        ct_class_ppm=ppm(given.get("ct_class")),
        tested_on=None if tested is None else date.fromisoformat(tested),
        is_revenue_grade=given.get("revenue_grade", True),
        is_das=given.get("das", False),
    )
    programme = given.get("programme")
    needed = required_class(capacity_w, is_das=meter.is_das)
    found = check_meter(
        system, meter, None if programme is None else Programme(system.system, ProgrammeName(programme), day), day
    )
    answer: dict[str, object] = {"required": f"{needed.accuracy_ppm / 10_000:g} % by {needed.standard}"}
    if found:
        answer["findings"] = [f"{one.code}: {one.text}" for one in found]
    return answer
