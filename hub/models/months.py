"""Reported months as JSON: runs over a month, and what a system's month comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from hub.rules.closing import RunKind, month_state
from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.analysis import Erratic
    from hub.rules.periods import ProductionMonth
    from hub.rules.windows import ReportingWindow
    from hub.services.verify_month import Verified
    from hub.store.months import Result, Run, SystemMonthRow


class RunJson(BaseModel):
    """One going over a month, and what it came to; energy is whole Wh."""

    run: int
    month: str
    kind: str
    run_at: str
    actor: str
    reason: str
    rules: str
    systems: int
    reported: int
    partial: int
    estimated: int
    missing: int
    production_wh: int
    sha256: str


class MonthStateJson(BaseModel):
    """A production month: its window, what it is, and the runs over it, the earliest first."""

    month: str
    opens_at: str
    closes_at: str
    state: str
    runs: list[RunJson]


class ReportedMonthJson(BaseModel):
    """A system's month as a run kept it. `basis` names the readings, the methods and the version of the rules."""

    system: str
    month: str
    version: int
    run: int
    state: str
    production_wh: int | None
    true_up: bool
    basis: dict[str, Any]
    findings: list[dict[str, Any]]
    sha256: str


class ReportedMonthsJson(BaseModel):
    """A system's months, the latest first; `next` begins the next page."""

    system: str
    months: list[ReportedMonthJson]
    next: str | None = None


class MonthOfSystemsJson(BaseModel):
    """A month of each system, by PTS id; `next` begins the next page."""

    month: str
    systems: list[ReportedMonthJson]
    next: str | None = None


class VerifiedJson(BaseModel):
    """How a month came out when it was drawn up again; without `differences` it is the same bit for bit."""

    month: str
    runs: int
    systems: int
    differences: list[str]


class ErraticJson(BaseModel):
    """A finding of a system's month, and what staff decided on it last."""

    system: str
    code: str
    severity: str
    clause: str
    text: str
    decided: str | None


class ErraticsJson(BaseModel):
    """What was found of a month; `next` begins the next page."""

    month: str
    found: list[ErraticJson]
    next: str | None = None


def erratic_json(one: Erratic) -> ErraticJson:
    """Return a finding of a system's month."""
    return ErraticJson(
        system=one.system,
        code=one.finding.code.value,
        severity=one.finding.severity.value,
        clause=one.finding.clause,
        text=one.finding.text,
        decided=None if one.decided is None else one.decided.value,
    )


def run_json(run: Run, result: Result) -> RunJson:
    """Return a run that ended."""
    return RunJson(
        run=run.number,
        month=str(run.month),
        kind=run.kind,
        run_at=format_instant(run.run_at),
        actor=run.actor,
        reason=run.reason,
        rules=run.rules,
        systems=result.systems,
        reported=result.reported,
        partial=result.partial,
        estimated=result.estimated,
        missing=result.missing,
        production_wh=result.production_wh,
        sha256=result.sha256,
    )


def state_json(month: ProductionMonth, window: ReportingWindow, runs: Sequence[tuple[Run, Result]]) -> MonthStateJson:
    """Return a month with the runs over it."""
    return MonthStateJson(
        month=str(month),
        opens_at=format_instant(window.opens_at),
        closes_at=format_instant(window.closes_at),
        state=month_state(RunKind(run.kind) for run, _ in runs),
        runs=[run_json(run, result) for run, result in runs],
    )


def reported_json(row: SystemMonthRow) -> ReportedMonthJson:
    """Return a system's month."""
    return ReportedMonthJson(
        system=row.system,
        month=str(row.month),
        version=row.version,
        run=row.run,
        state=row.state,
        production_wh=row.production_wh,
        true_up=row.is_true_up,
        basis=json.loads(row.basis),
        findings=json.loads(row.findings),
        sha256=row.sha256,
    )


def verified_json(verified: Verified) -> VerifiedJson:
    """Return how a month came out again."""
    return VerifiedJson(
        month=str(verified.month),
        runs=verified.runs,
        systems=verified.systems,
        differences=list(verified.differences),
    )
