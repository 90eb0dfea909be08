"""Draw up what systems produced in a month by what was reported of them: for closing it, and for verifying that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.acceptance import judge_production
from hub.rules.closing import RULES_VERSION, canonical, seal_content
from hub.rules.quarters import is_exported
from hub.rules.reported import NumberKind, is_active, meter_months, needs_true_up, report_system, terms_of
from hub.store import facts, ledger, meter_facts
from hub.store.ledger import METERS_AT_ONCE, Around

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.rules.acceptance import Finding
    from hub.rules.facts import MeterFacts, SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import Bound, MeterMonth, ReportState, SystemReport

_NOTHING = Around()


@dataclass(frozen=True, slots=True)
class Account:
    """A system's month: what it comes to and from what.

    `basis` is canonical JSON, `sha256` is over it and the number. `findings` is what speaks against the number: an
    opinion, and not sealed. `gaps` are earlier months that nobody reported of one of its meters, and that a reading for
    this one lets estimate.
    """

    system: str
    month: ProductionMonth
    state: ReportState
    production_wh: int | None
    is_true_up: bool
    basis: str
    sha256: str
    findings: tuple[Finding, ...]
    gaps: tuple[ProductionMonth, ...]


def account_months(
    connection: Connection,
    systems: Mapping[str, Sequence[int]],
    month: ProductionMonth,
    *,
    until: int,
    at: int,
) -> Iterator[Account]:
    """Yield the account of a month for each of these systems, given the ids of their meters, in their order.

    `until` is the number of the last entry of the ledger that counts, `at` (UTC ms) when it is drawn up: what is known
    of meters is what was known then, and an estimate for a quarter sent by then is an item for true-up.
    """
    meters = [meter for of_system in systems.values() for meter in of_system]
    around: dict[int, Around] = {}
    for start in range(0, len(meters), METERS_AT_ONCE):
        around |= ledger.find_around(connection, meters[start : start + METERS_AT_ONCE], month, until)
    known = meter_facts.list_meter_facts(connection, systems.keys(), at)
    named = {one.system: one for one in facts.list_system_facts(connection, systems.keys(), month.last_day)}
    is_sent = is_exported(month, at)
    for system in systems:
        yield _account(named[system], month, known.get(system, ()), around, is_sent=is_sent)


def _account(
    system: SystemFacts,
    month: ProductionMonth,
    meters: Sequence[MeterFacts],
    around: Mapping[int, Around],
    *,
    is_sent: bool,
) -> Account:
    parts: dict[int, MeterMonth | None] = {}
    gaps: set[ProductionMonth] = set()
    for meter in meters:
        terms, near = terms_of(meter), around.get(meter.meter, _NOTHING)
        if not is_active(terms, month):
            continue
        readings = [one for one in (near.before, near.counting or near.after) if one is not None]
        months = {part.month: part for part in meter_months(terms, readings)}
        parts[meter.meter] = months.get(month)
        if near.counting is not None:
            gaps |= {part.month for part in months.values() if part.kind is NumberKind.ESTIMATED}
    report = report_system(month, parts)
    is_true_up = needs_true_up(report.state, is_sent=is_sent)
    basis = [_describe(part) for part in report.parts]
    content = {
        "system": system.system,
        "month": str(month),
        "state": report.state.value,
        "production_wh": report.production_wh,
        "true_up": is_true_up,
        "meters": basis,
        "missing": list(report.missing),
        "rules": RULES_VERSION,
    }
    return Account(
        system=system.system,
        month=month,
        state=report.state,
        production_wh=report.production_wh,
        is_true_up=is_true_up,
        basis=canonical({"meters": basis, "missing": list(report.missing), "rules": RULES_VERSION}),
        sha256=seal_content(content),
        findings=tuple(_look_at(system, report)),
        gaps=tuple(sorted(gaps)),
    )


def _look_at(system: SystemFacts, report: SystemReport) -> list[Finding]:
    """Return what speaks against a system's number: held against its nameplate and what is expected of it."""
    if report.production_wh is None:
        return []
    is_divided = any(part.kind is not NumberKind.MEASURED for part in report.parts)
    from_at = report.month.starts_at if is_divided else min(part.opening.at for part in report.parts)
    until_at = report.month.ends_at if is_divided else max(part.closing.at for part in report.parts)
    return judge_production(system, report.production_wh, from_at, until_at)


def _describe(part: MeterMonth) -> dict[str, object]:
    return {
        "meter": part.meter,
        "production_wh": part.production_wh,
        "kind": part.kind.value,
        "method": part.method,
        "opening": _bound(part.opening),
        "closing": _bound(part.closing),
    }


def _bound(bound: Bound) -> dict[str, object]:
    return {"entry": bound.id, "at": bound.at, "register_wh": bound.register_wh}
