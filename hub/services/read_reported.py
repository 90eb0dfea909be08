"""Read a system's months as they were reported, each with the registers that its number is counted between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.reported import ReportState, is_active, meter_months, report_system, terms_of
from hub.store import ledger, meter_facts, months

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import AcceptedReading, MeterMonth
    from hub.store.months import SystemMonthRow


@dataclass(frozen=True, slots=True)
class ReportedPart:
    """A meter's part of a month: the reading that counts for it, and what it is counted between; None where not known.

    The first reading of a meter whose beginning nobody told has no number; an estimated month has no reading.
    """

    serial: str
    reading: AcceptedReading | None
    produced: MeterMonth | None


@dataclass(frozen=True, slots=True)
class ReportedMonth:
    """A system's month in exact Wh; `is_closed` says whether somebody went over it: then it no longer just changes."""

    month: ProductionMonth
    state: ReportState
    production_wh: int | None
    is_closed: bool
    parts: tuple[ReportedPart, ...]


def read_reported(
    connection: Connection, pts_id: str, limit: int, until: ProductionMonth | None = None
) -> tuple[ReportedMonth, ...]:
    """Return at most `limit` months of which something was reported or closed, the latest first.

    With `until`, of those up to that month. A month that nobody went over is drawn up from what was accepted so far.
    """
    before = None if until is None else (until.next(), 0)
    closed = {row.month: row for row in months.list_system_months(connection, pts_id, before=before, limit=limit)}
    meters = [_gather(connection, one) for one in meter_facts.list_meter_facts(connection, [pts_id]).get(pts_id, ())]
    named = {month for one in meters for month in (*one.readings, *one.produced)}
    wanted = sorted(month for month in named | closed.keys() if until is None or month <= until)
    return tuple(_draw(month, meters, closed.get(month)) for month in reversed(wanted[-limit:]))


@dataclass(frozen=True, slots=True)
class _Meter:
    facts: MeterFacts
    readings: dict[ProductionMonth, AcceptedReading]
    produced: dict[ProductionMonth, MeterMonth]


def _gather(connection: Connection, meter: MeterFacts) -> _Meter:
    readings = [entry.accepted for entry in ledger.list_entries(connection, meter.meter)]
    produced = meter_months(terms_of(meter), readings)
    return _Meter(meter, {one.month: one for one in readings}, {part.month: part for part in produced})


def _draw(month: ProductionMonth, meters: Sequence[_Meter], closed: SystemMonthRow | None) -> ReportedMonth:
    active = [one for one in meters if is_active(terms_of(one.facts), month)]
    parts = tuple(
        ReportedPart(one.facts.serial, one.readings.get(month), one.produced.get(month))
        for one in active
        if month in one.readings or month in one.produced
    )
    if closed is not None:
        return ReportedMonth(month, ReportState(closed.state), closed.production_wh, is_closed=True, parts=parts)
    report = report_system(month, {one.facts.meter: one.produced.get(month) for one in active})
    return ReportedMonth(month, report.state, report.production_wh, is_closed=False, parts=parts)
