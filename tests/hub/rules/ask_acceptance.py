"""Cases of judging a reported reading: what becomes of it, and what its reporter is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from hub.rules.acceptance import (
    Attempt,
    Circumstances,
    Finding,
    judge_reading,
    kwh,
    refuse_stranger,
    refuse_unauthorised,
)
from hub.rules.auditing import audit_production, deviation_ppm
from hub.rules.facts import SystemFacts, Technology
from hub.rules.local_times import parse_local
from hub.rules.periods import date_at, parse_month
from hub.rules.plausibility import expected_of_month, expected_wh, physical_limit_wh
from hub.rules.reported import AcceptedReading, Bound, MeterTerms, Origin
from hub.rules.windows import refuse_closed, refuse_manual, window_at
from tests.hub.rules.ask_reported import wh
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


def make_system(given: Mapping[str, Any]) -> SystemFacts:
    """Return the system of a case: 7.5 kW DC of photovoltaics unless it says otherwise."""
    return SystemFacts(
        system="SLF-AB1234-00001",
        name="Barn roof",
        effective_on=date(1970, 1, 1),
        capacity_w_dc=wh(given.get("kw_dc", "7.5")),
        capacity_w_ac=wh(given["kw_ac"]) if "kw_ac" in given else None,
        technology=Technology(given.get("technology", "pv")),
        annual_wh_estimated=wh(given["annual_kwh"]) if "annual_kwh" in given else None,
    )


def tell(finding: Finding) -> dict[str, object]:
    """Return a finding as a case writes it."""
    return {"code": finding.code.value, "severity": finding.severity.value, "says": finding.text}


@asks("acceptance")
def ask_judgement(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the outcome, the production since the reading before, and what is said."""
    submitted_at = parse_local(given["submitted"])
    read_at = parse_local(given.get("read", given["submitted"]))
    system = make_system(given)
    before = given.get("before")
    opening = None
    if before is not None:
        opening = Bound(1, parse_month(before["month"]), parse_local(before["read"]), wh(before["kwh"]))
    held = given.get("counting")
    counting = None
    if held is not None:
        month = parse_month(held["month"])
        counting = AcceptedReading(2, 1, month, parse_local(held["read"]), wh(held["kwh"]), Origin.MANUAL)
    known = Circumstances(
        system=system,
        terms=MeterTerms(1, None, None, modulus_wh=wh(given["modulus_kwh"]) if "modulus_kwh" in given else None),
        window=window_at(submitted_at),
        closed=refuse_closed(submitted_at),
        manual=refuse_manual(system.technology, system.capacity_w_dc, system.capacity_w_ac, date_at(submitted_at)),
        opening=opening,
        counting=counting,
        clear_sky_wh=wh(given["clear_sky_kwh"]) if "clear_sky_kwh" in given else None,
        was_held=given.get("held_before", False),
        is_only_meter=given.get("only_meter", True),
    )
    attempt = Attempt(
        read_at=read_at,
        register_wh=wh(given["kwh"]),
        submitted_at=submitted_at,
        origin=Origin(given.get("origin", "manual")),
        has_photo=given.get("photo", False),
    )
    judged = judge_reading(attempt, known)
    answer: dict[str, object] = {"outcome": judged.outcome.value}
    if judged.month is not None:
        answer["month"] = str(judged.month)
    if judged.production_wh is not None:
        answer["production"] = kwh(judged.production_wh)
    if judged.findings:
        answer["findings"] = [tell(finding) for finding in judged.findings]
    return answer


@asks("strangers")
def ask_stranger(given: Mapping[str, Any]) -> dict[str, object]:
    """Return why nothing can be reported by somebody, or of a meter that is not registered."""
    if "not_reporter_because" in given:
        return tell(refuse_unauthorised(given["system"], given["not_reporter_because"]))
    finding = refuse_stranger(
        given["system"], given["serial"], is_system_known=given["system_known"], is_meter_known=given["meter_known"]
    )
    return {} if finding is None else tell(finding)


@asks("plausibility")
def ask_bounds(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what is expected of a system in a time, with one decimal, and the most that it can produce."""
    system = make_system(given)
    from_at, until_at = parse_local(given["from"]), parse_local(given["until"])
    tenths = (expected_wh(system, from_at, until_at) + 50) // 100
    return {"expected_kwh": f"{tenths // 10}.{tenths % 10}", "limit": kwh(physical_limit_wh(system, from_at, until_at))}


@asks("expected_month")
def ask_expected_month(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what is expected of a system in a month by what was said of it, each from a day on; empty for nothing."""
    said = [
        replace(make_system(one), effective_on=date.fromisoformat(one["effective"]), version=version)
        for version, one in enumerate(given["said"], 1)
    ]
    expected = expected_of_month(said, parse_month(given["month"]))
    return {"expected": "" if expected is None else kwh(expected)}


@asks("audit")
def ask_audit(given: Mapping[str, Any]) -> dict[str, object]:
    """Return how far a report is from the audited register, in parts per million, and what that leads to."""
    reported, audited = wh(given["reported_kwh"]), wh(given["audited_kwh"])
    finding = audit_production(reported, audited)
    return {"ppm": deviation_ppm(reported, audited), **({} if finding is None else tell(finding))}
