"""What a reporter sees before a reading is entered: which systems have their reading, and the periods before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.rules.acceptance import Outcome
from hub.rules.periods import date_at
from hub.rules.reported import is_active, meter_months, terms_of
from hub.rules.windows import next_window, refuse_manual, window_at
from hub.services.compute_production import find_system
from hub.services.set_manual_limit import load_manual_limits
from hub.store import facts, ledger, meter_facts, submissions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts, ReportingMode
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import MeterMonth
    from hub.rules.windows import ReportingWindow
    from hub.store.ledger import Entry
    from hub.store.submissions import Experience

PERIODS = 3
"""So many periods before are shown beside the entry: Report My Production, Manual Reporting, Step 3."""
SYSTEMS_MAX = 200


@dataclass(frozen=True, slots=True)
class ReportingLine:
    """A system in the list of those to report. `reported` and `missing` are serial numbers of its meters in service.

    `waiting` are those of the missing whose reading was sent and waits for staff to decide on it.
    `refusal` says why it cannot be reported by hand, None if it can.
    """

    system: str
    name: str
    mode: ReportingMode
    reported: tuple[str, ...]
    missing: tuple[str, ...]
    waiting: tuple[str, ...]
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Period:
    """A meter's reading that counted for a month, and what it produced by that; None where nothing came before it."""

    entry: Entry
    production: MeterMonth | None


@dataclass(frozen=True, slots=True)
class MeterHistory:
    """A meter in service with its last periods, the latest first."""

    meter: MeterFacts
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class History:
    """A system's meters with their last periods, and what was said of the last months beside, the latest first."""

    meters: tuple[MeterHistory, ...]
    experience: tuple[Experience, ...]


def current_window(now: int) -> tuple[ReportingWindow, bool]:
    """Return the window that is open at `now` (UTC ms), or the next one; and whether it is open."""
    window = window_at(now)
    return (window, True) if window is not None else (next_window(now), False)


def list_reporting(  # noqa: PLR0913 - whose systems, for which month, from where on
    connection: Connection,
    month: ProductionMonth,
    now: int,
    *,
    only: Collection[str] | None = None,
    after: str = "",
    limit: int = SYSTEMS_MAX,
) -> tuple[ReportingLine, ...]:
    """Return the next `limit` systems after a PTS id, with which of their meters have a reading for the month.

    Where `only` is given, of those systems.
    """
    if only is None:
        systems = facts.iterate_system_facts(connection, date_at(now), after, limit)
    else:
        chosen = sorted(one for one in only if one > after)[:limit]
        systems = facts.list_system_facts(connection, chosen, date_at(now))
    meters = meter_facts.list_meter_facts(connection, [one.system for one in systems])
    numbers = [meter.meter for some in meters.values() for meter in some]
    around = ledger.find_around(connection, numbers, month, ledger.last_number(connection))
    waiting = submissions.waiting_meters(connection, numbers, month, Outcome.REVIEW.value)
    limits = load_manual_limits(connection)
    lines = []
    for system in systems:
        active = [one for one in meters.get(system.system, ()) if is_active(terms_of(one), month)]
        missing = [one for one in active if around[one.meter].counting is None]
        refusal = refuse_manual(system.technology, system.capacity_w_dc, system.capacity_w_ac, date_at(now), limits)
        lines.append(
            ReportingLine(
                system=system.system,
                name=system.name,
                mode=system.reporting_mode,
                reported=tuple(one.serial for one in active if around[one.meter].counting is not None),
                missing=tuple(one.serial for one in missing),
                waiting=tuple(one.serial for one in missing if one.meter in waiting),
                refusal=None if refusal is None else refusal.text,
            )
        )
    return tuple(lines)


def read_history(connection: Connection, pts_id: str, limit: int = PERIODS) -> History:
    """Return a system's last periods, and its operational experience; raises UnknownSubjectError for an unknown one."""
    system = find_system(connection, pts_id).pts_id
    meters = meter_facts.list_meter_facts(connection, [system]).get(system, ())
    return History(
        meters=tuple(MeterHistory(meter, _periods(connection, meter, limit)) for meter in meters),
        experience=submissions.list_experience(connection, system, limit),
    )


def _periods(connection: Connection, meter: MeterFacts, limit: int) -> tuple[Period, ...]:
    entries: Sequence[Entry] = ledger.list_entries(connection, meter.meter)
    # One more than is shown: production counts from the reading before.
    near = [entry.accepted for entry in entries[-limit - 1 :]]
    terms = terms_of(meter)
    if len(entries) > limit:
        terms = replace(terms, initial_at=None, initial_wh=None)
    produced = {part.month: part for part in meter_months(terms, near)}
    return tuple(Period(entry, produced.get(entry.accepted.month)) for entry in reversed(entries[-limit:]))
