"""Cases of what is said of a system that is known already, and of readings from before the hub."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from hub.rules import bulk_rows, historic
from hub.rules.details import contradictions, effective, forget, greatest_capacity, inconsistency, lay_over
from hub.rules.facts import MeterFacts, SystemFacts
from hub.rules.historic import HistoricReading
from hub.rules.local_times import parse_local
from hub.rules.periods import parse_month
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.rules.details import MeterDetails


@asks("facts-said-again")
def ask_said(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what of a meter is known otherwise than it is said, and what is known once that is laid over it."""
    known = lay_over(MeterFacts(1, "SLF-AB1234-00001", "S-1", "", ""), _details(given["known"]))
    said = _details(given["said"])
    after = forget(lay_over(known, said), given.get("forget", []))
    return {
        "contradicts": list(contradictions(known, said)),
        "then": {name: getattr(after, name) for name in given["ask"]},
    }


def _details(cells: Mapping[str, str]) -> MeterDetails:
    details = bulk_rows.read_meter_details(cells)
    assert not isinstance(details, tuple), details
    return details


@asks("facts-of-a-day")
def ask_day(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the nameplate of a system on a day, and the largest that it had from then to a later day."""
    said = [
        SystemFacts("SLF-AB1234-00001", "", date.fromisoformat(on), _wh(kw), version=place)
        for place, (on, kw) in enumerate(given["said"])
    ]
    first, last = (date.fromisoformat(given[name]) for name in ("on", "until"))
    found, greatest = effective(said, first), greatest_capacity(said, first, last)
    return {
        "capacity_w": "not known" if found is None else found.capacity_w_dc,
        "greatest_w": "not known" if greatest is None else greatest,
    }


@asks("meters-consistent")
def ask_consistent(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what cannot all be true of a meter, if anything."""
    wrong = inconsistency(_meter(given["meter"]), parse_local(given.get("now", "2026-01-01 00:00")))
    return {"refused": wrong} if wrong else {"holds": "yes"}


@asks("historic-readings")
def ask_historic(given: Mapping[str, Any]) -> dict[str, object]:
    """Return whether a reading joins those that count for its meter, or why not."""
    read_at = parse_local(given["at"])
    month = parse_month(given["month"]) if "month" in given else None
    refusal = historic.refuse_undated(read_at, month, parse_local(given.get("now", "2026-01-01 00:00")))
    if refusal is None:
        assert month is not None
        held = [HistoricReading(parse_month(name), parse_local(at), _wh(kwh)) for name, at, kwh in given["held"]]
        meter = _meter(given.get("meter", {}))
        refusal = historic.refuse_historic(HistoricReading(month, read_at, _wh(given["kwh"])), held, meter)
    return {"joins": "yes"} if refusal is None else {"refused": str(refusal.code), "says": refusal.text}


def _wh(kwh: str) -> int:
    whole, _, decimals = kwh.partition(".")
    return int(whole + decimals.ljust(3, "0"))


def _meter(known: Mapping[str, str]) -> MeterFacts:
    values: dict[str, Any] = {
        name: _wh(value) if name.endswith("_wh") else parse_local(value) for name, value in known.items()
    }
    return MeterFacts(1, "SLF-AB1234-00001", "S-1", "", "", **values)
