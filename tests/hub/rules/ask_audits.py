"""Cases of audits on site: what a register that an auditor read says of what was reported."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hub.rules.acceptance import kwh
from hub.rules.auditing import audit_register, counted_readings, refuse_audit
from hub.rules.local_times import parse_local
from hub.rules.periods import parse_month
from hub.rules.plausibility import physical_limit_wh
from hub.rules.reported import AcceptedReading, MeterTerms, Origin
from tests.hub.rules.ask_acceptance import make_system, tell
from tests.hub.rules.ask_reported import wh
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("audit_on_site")
def ask_audit_on_site(given: Mapping[str, Any]) -> dict[str, object]:
    """Return why the audit cannot be, or the month it is held against, both energies, and what that leads to."""
    terms = MeterTerms(
        meter=1,
        initial_at=parse_local(given["began"]) if "began" in given else None,
        initial_wh=wh(given["initial_kwh"]) if "initial_kwh" in given else None,
        ended_at=parse_local(given["ended"]) if "ended" in given else None,
        modulus_wh=wh(given["modulus_kwh"]) if "modulus_kwh" in given else None,
    )
    audited_at, register_wh = parse_local(given["audited"]), wh(given["kwh"])
    refusal = refuse_audit(terms, audited_at, register_wh, parse_local(given["now"]))
    if refusal is not None:
        return {"refused": refusal}
    every = [
        AcceptedReading(number, 1, parse_month(one["month"]), parse_local(one["read"]), wh(one["kwh"]), Origin.MANUAL)
        for number, one in enumerate(given["readings"], 1)
    ]
    readings = counted_readings(terms, every)
    if not readings:
        return {"comparison": "nothing was reported"}
    most_between = partial(physical_limit_wh, make_system(given))
    found = audit_register(terms, readings, audited_at, register_wh, most_between)
    if found is None:
        return {"comparison": "none"}
    return {
        "month": str(found.reading.month),
        "reported": kwh(found.reported_wh),
        "audited": kwh(found.audited_wh),
        "between": kwh(found.between_wh),
        "deviation": kwh(found.deviation_wh),
        "ppm": found.deviation_ppm,
        **({} if found.finding is None else tell(found.finding)),
    }
