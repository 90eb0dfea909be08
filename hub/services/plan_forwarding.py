"""Say of each system what is to be forwarded of a month, and why nothing is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hub.rules.forwarding import ForwardState, plan_forwarding
from hub.services.compute_production import find_system
from hub.store import facts, forwards, ledger, meter_facts, submissions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts, SystemFacts
    from hub.rules.forwarding import Forwarding
    from hub.rules.periods import ProductionMonth

SYSTEMS_AT_ONCE = 500


def plan_month(
    connection: Connection, month: ProductionMonth, only: Collection[str] | None = None
) -> Iterator[Forwarding]:
    """Yield what is to be done with the month of every system, or of some, by PTS id.

    Raises UnknownSubjectError for one that is not registered.
    """
    if only is not None:
        named = sorted({find_system(connection, one).pts_id for one in only})
        yield from _plan(connection, month, facts.list_system_facts(connection, named, month.last_day))
        return
    after = ""
    while some := facts.iterate_system_facts(connection, month.last_day, after, SYSTEMS_AT_ONCE):
        yield from _plan(connection, month, some)
        after = some[-1].system


def plan_page(connection: Connection, month: ProductionMonth, after: str, limit: int) -> tuple[Forwarding, ...]:
    """Return what is to be done with the month of the next `limit` systems after a PTS id."""
    some = facts.iterate_system_facts(connection, month.last_day, after, limit)
    return tuple(_plan(connection, month, some))


def count_states(plans: Collection[Forwarding]) -> Mapping[ForwardState, int]:
    """Return how many systems there are in each state."""
    counted = Counter(one.state for one in plans)
    return {state: counted[state] for state in ForwardState}


def _plan(connection: Connection, month: ProductionMonth, systems: Sequence[SystemFacts]) -> Iterator[Forwarding]:
    names = [one.system for one in systems]
    meters = meter_facts.list_meter_facts(connection, names)
    going_on = {name: [one for one in meters.get(name, ()) if _goes_on(one, month)] for name in names}
    counting = ledger.find_entries(connection, [one.meter for some in going_on.values() for one in some], month)
    said = submissions.find_experiences(connection, names, month)
    last = forwards.find_last_taken(connection, names)
    for one in systems:
        entries = {meter.meter: counting.get(meter.meter) for meter in going_on[one.system]}
        cost = said[one.system].service_cost_cents if one.system in said else None
        readings = {meter: None if entry is None else entry.accepted for meter, entry in entries.items()}
        yield plan_forwarding(one.system, one.reporting_mode, readings, last.get(one.system), cost)


def _goes_on(meter: MeterFacts, month: ProductionMonth) -> bool:
    """Return whether a meter counted at the month's end: its register is the system's then."""
    has_begun = meter.initial_at is None or meter.initial_at < month.ends_at
    return has_begun and (meter.ended_at is None or meter.ended_at >= month.ends_at)
