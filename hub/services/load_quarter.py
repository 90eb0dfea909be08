"""Load what a quarter's files are made of: the months as runs found them, units and programmes, meters and readings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hub.rules.certificates import WH_PER_CERTIFICATE, keeps_back
from hub.rules.closing import RunKind, is_binding, month_state
from hub.rules.details import effective
from hub.rules.exporting import LeftOut, MonthToExport
from hub.rules.facts import Programme, ProgrammeName
from hub.rules.reported import ReportState
from hub.rules.verification_file import VerifiedMonth
from hub.store import facts, ledger, meter_facts, months

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts, SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.quarters import ProductionQuarter
    from hub.store.ledger import Entry
    from hub.store.months import SystemMonthRow

_SREC_NUMBERS = {ProgrammeName.SREC_1: 1, ProgrammeName.SREC_2: 2}


@dataclass(frozen=True, slots=True)
class LoadedQuarter:
    """What is known of a quarter: months with a number, those held back and why, and months that are not closed.

    `carried_wh` is what earlier quarters kept back of each system, under the rule in force until 2017.
    """

    months: tuple[MonthToExport, ...]
    held: tuple[LeftOut, ...]
    still_open: tuple[ProductionMonth, ...]
    carried_wh: Mapping[str, int]


class LoadQuarter(Protocol):
    """How a quarter is loaded."""

    def __call__(self, connection: Connection, quarter: ProductionQuarter) -> LoadedQuarter:
        """Return what is known of a quarter."""
        ...


def load_quarter(connection: Connection, quarter: ProductionQuarter) -> LoadedQuarter:
    """Return a quarter's months in their last version, with the units and programmes of each month's last day."""
    found: list[MonthToExport] = []
    held: list[LeftOut] = []
    still_open: list[ProductionMonth] = []
    for month in quarter.months:
        if not is_binding(month_state(RunKind(run.kind) for run, _ in months.list_runs(connection, month))):
            still_open.append(month)
        rows = tuple(months.iterate_month(connection, month))
        systems = [row.system for row in rows]
        known = {one.system: one for one in facts.list_system_facts(connection, systems, month.last_day)}
        programmes = facts.list_programmes(connection, systems, month.last_day)
        for row in rows:
            loaded = _load(row, known[row.system], programmes.get(row.system))
            if isinstance(loaded, LeftOut):
                held.append(loaded)
            else:
                found.append(loaded)
    return LoadedQuarter(tuple(found), tuple(held), tuple(still_open), _carried(connection, quarter))


def load_months(connection: Connection, systems: Collection[str]) -> tuple[MonthToExport, ...]:
    """Return the months of these registered systems that have a number and need no true-up, as `load_quarter` does.

    By system and month; it costs a statement for each system, however many months it has.
    """
    found: list[MonthToExport] = []
    programmes = facts.list_all_programmes(connection, systems)
    for pts_id, rows in months.list_all(connection, systems).items():
        said = [one.facts for one in facts.list_system_versions(connection, pts_id)]
        for row in rows:
            on = row.month.last_day
            system = effective(said, on)
            assert system is not None, "the first facts of a system hold for all the time before"
            loaded = _load(row, system, _programme_on(programmes.get(pts_id, {}), on))
            if isinstance(loaded, MonthToExport):
                found.append(loaded)
    return tuple(found)


def _programme_on(said: Mapping[date, Programme], on: date) -> Programme | None:
    """Return what `hub.store.facts.find_programme` does, given what was said last of each day on which one begins."""
    begun = max((day for day in said if day <= on), default=None)
    if begun is None or said[begun].programme is ProgrammeName.NONE:
        return None
    until_on = said[begun].until_on
    return said[begun] if until_on is None or on <= until_on else None


def load_verified(connection: Connection, loaded: Sequence[MonthToExport]) -> tuple[VerifiedMonth, ...]:
    """Return the lines of the verification file for these months: with meter, reading and programme of each."""
    by_month: dict[ProductionMonth, list[MonthToExport]] = {}
    for one in loaded:
        by_month.setdefault(one.month, []).append(one)
    meters = meter_facts.list_meter_facts(connection, {one.system for one in loaded})
    lines: list[VerifiedMonth] = []
    for month, of_month in by_month.items():
        systems = [one.system for one in of_month]
        known = {one.system: one for one in facts.list_system_facts(connection, systems, month.last_day)}
        programmes = facts.list_programmes(connection, systems, month.last_day)
        rows = {row.system: row for row in months.iterate_month(connection, month)}
        # Registers of several meters do not add up to one: then a line has none.
        parts = {one.system: json.loads(rows[one.system].basis)["meters"] for one in of_month}
        single = {system: of_system[0]["meter"] for system, of_system in parts.items() if len(of_system) == 1}
        entries = ledger.find_entries(connection, list(single.values()), month)
        for one in of_month:
            entry = entries.get(single.get(one.system, 0))
            lines.append(_verify(one, known[one.system], programmes.get(one.system), entry, meters))
    return tuple(lines)


def _load(row: SystemMonthRow, system: SystemFacts, programme: Programme | None) -> MonthToExport | LeftOut:
    if row.production_wh is None:
        why = f"it is {row.state}, so it has no number: report it, or have it estimated when a later month is reported"
        return LeftOut(row.system, row.month, why)
    if row.is_true_up:
        why = "it was estimated after its quarter was sent: ask MassCEC for a true-up"
        return LeftOut(row.system, row.month, why)
    return MonthToExport(
        system=row.system,
        gis_asset=system.gis_asset,
        programme=ProgrammeName.NONE if programme is None else programme.programme,
        factor_percent=100 if programme is None else programme.factor_percent,
        month=row.month,
        production_wh=row.production_wh,
        is_estimated=row.state == ReportState.ESTIMATED,
    )


def _carried(connection: Connection, quarter: ProductionQuarter) -> dict[str, int]:
    """Return what is not yet sent of each system's earlier months: less than a MWh, where only whole ones were sent."""
    if not keeps_back(quarter):
        return {}
    return {
        system: energy_wh % WH_PER_CERTIFICATE
        for system, energy_wh in months.sum_before(connection, quarter.months[0]).items()
    }


def _verify(
    one: MonthToExport,
    system: SystemFacts,
    programme: Programme | None,
    entry: Entry | None,
    meters: Mapping[str, Sequence[MeterFacts]],
) -> VerifiedMonth:
    of_system = meters.get(one.system, ())
    meter = next((meter for meter in of_system if entry is not None and meter.meter == entry.accepted.meter), None)
    return VerifiedMonth(
        system=one.system,
        ends_on=one.month.last_day,
        energy_wh=one.production_wh,
        eligible_wh=0 if programme is None else one.production_wh,
        effective_on=None if programme is None else programme.from_on,
        in_service_on=system.in_service_on,
        initial_wh=None if meter is None else meter.initial_wh,
        register_wh=None if entry is None else entry.accepted.register_wh,
        read_at=None if entry is None else entry.accepted.read_at,
        reported_at=None if entry is None else entry.accepted_at,
        srec_programme=None if programme is None else _SREC_NUMBERS.get(programme.programme),
    )
