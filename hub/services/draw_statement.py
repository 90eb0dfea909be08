"""Draw up the monthly statement of a system: its number, the readings that it came from, and the months before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from hub.errors import UnknownSubjectError
from hub.exchange.statement import StatedMeter, StatedMonth, StatedReading, Statement
from hub.rules.closing import MonthState, RunKind, month_state
from hub.rules.plausibility import expected_of_month
from hub.rules.reported import NumberKind, Origin, ReportState
from hub.services.account_months import account_months
from hub.services.compute_production import find_system
from hub.store import facts, ledger, meter_facts, months

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts, SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.store.ledger import Entry
    from hub.store.months import SystemMonthRow

MONTHS_SHOWN = 13
"""The month itself, and a year before it to hold it against."""

_SOURCES = {
    Origin.AUTOMATIC: "read by a device",
    Origin.MANUAL: "entered by hand",
    Origin.IMPORTED: "out of a file",
    Origin.ADJUSTED: "put in place of another",
}


class _Bound(TypedDict):
    """A register in the basis that a run keeps: `entry` is its number in the ledger, None for a beginning or an end."""

    entry: int | None
    at: int
    register_wh: int


class _Part(TypedDict):
    """A meter's part of a month in that basis."""

    meter: int
    production_wh: int | None
    kind: str
    method: str
    opening: _Bound
    closing: _Bound


class _Basis(TypedDict):
    """What a system's number is from, see `hub.services.account_months`."""

    meters: list[_Part]
    missing: list[int]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A month's number with its basis, from a run or from the ledger as it is."""

    state: ReportState
    production_wh: int | None
    is_true_up: bool
    basis: _Basis
    findings: tuple[str, ...]
    sha256: str
    run: int | None = None
    version: int | None = None


def draw_statement(connection: Connection, pts_id: str, month: ProductionMonth, now: int) -> Statement:
    """Return the statement of a system's month: as it was closed, or where nobody went over it as it is at `now`.

    Raises UnknownSubjectError for an unregistered system, and for a month in which it has no meter in service.
    """
    system = find_system(connection, pts_id).pts_id
    known = facts.find_system_facts(connection, system, month.last_day)
    assert known is not None, "a registered system has facts from its beginning on"
    rows = months.list_system_months(connection, system)
    meters = {one.meter: one for one in meter_facts.list_meter_facts(connection, [system]).get(system, ())}
    kept = next((row for row in rows if row.month == month), None)
    drawn = _draw(connection, system, list(meters), month, now) if kept is None else _recall(kept)
    if not drawn.basis["meters"] and not drawn.basis["missing"]:
        message = f"system {system} has no meter in service in {month}: there is nothing to state"
        raise UnknownSubjectError(message)
    runs = [RunKind(run.kind) for run, _ in months.list_runs(connection, month)]
    return _state(connection, known, month, drawn, meters=meters, standing=month_state(runs), rows=rows, now=now)


def _state(  # noqa: PLR0913 - all that is known of the month
    connection: Connection,
    system: SystemFacts,
    month: ProductionMonth,
    drawn: _Drawn,
    *,
    meters: Mapping[int, MeterFacts],
    standing: MonthState,
    rows: Sequence[SystemMonthRow],
    now: int,
) -> Statement:
    parts = drawn.basis["meters"]
    numbers = [bound["entry"] for part in parts for bound in (part["opening"], part["closing"])]
    entries = ledger.find_numbered(connection, [number for number in numbers if number is not None])
    said = [one.facts for one in facts.list_system_versions(connection, system.system)]
    numbered = [(row.month, row.production_wh, ReportState(row.state)) for row in rows if row.month < month]
    shown = (*reversed(numbered[: MONTHS_SHOWN - 1]), (month, drawn.production_wh, drawn.state))
    return Statement(
        system=system.system,
        name=system.name,
        place=" ".join(part for part in (system.town, system.zip_code) if part),
        capacity_w_dc=system.capacity_w_dc,
        month=month,
        standing=standing if drawn.run is not None else MonthState.OPEN,
        state=drawn.state,
        production_wh=drawn.production_wh,
        is_true_up=drawn.is_true_up,
        run=drawn.run,
        version=drawn.version,
        drawn_at=now,
        sha256=drawn.sha256,
        meters=tuple(_meter(part, meters[part["meter"]], entries) for part in parts),
        missing=tuple(meters[number].serial for number in drawn.basis["missing"]),
        findings=drawn.findings,
        months=tuple(StatedMonth(*one, expected_wh=expected_of_month(said, one[0])) for one in shown),
    )


def _draw(connection: Connection, system: str, meters: Sequence[int], month: ProductionMonth, now: int) -> _Drawn:
    until = ledger.last_number(connection)
    account = next(iter(account_months(connection, {system: meters}, month, until=until, at=now)))
    return _Drawn(
        state=account.state,
        production_wh=account.production_wh,
        is_true_up=account.is_true_up,
        basis=json.loads(account.basis),
        findings=tuple(one.text for one in account.findings),
        sha256=account.sha256,
    )


def _recall(row: SystemMonthRow) -> _Drawn:
    return _Drawn(
        state=ReportState(row.state),
        production_wh=row.production_wh,
        is_true_up=row.is_true_up,
        basis=json.loads(row.basis),
        findings=tuple(finding["text"] for finding in json.loads(row.findings)),
        sha256=row.sha256,
        run=row.run,
        version=row.version,
    )


def _meter(part: _Part, meter: MeterFacts, entries: Mapping[int, Entry]) -> StatedMeter:
    opening, closing = part["opening"], part["closing"]
    return StatedMeter(
        serial=meter.serial,
        name=" ".join(word for word in (meter.make, meter.model) if word),
        opening=_reading(opening, "register at the meter's beginning", entries),
        closing=_reading(closing, "register at the meter's end", entries),
        production_wh=part["production_wh"],
        kind=NumberKind(part["kind"]),
        method=part["method"],
    )


def _reading(bound: _Bound, otherwise: str, entries: Mapping[int, Entry]) -> StatedReading:
    number = bound["entry"]
    source = otherwise if number is None else f"{_SOURCES[entries[number].accepted.origin]}, entry {number}"
    return StatedReading(bound["at"], bound["register_wh"], source)
