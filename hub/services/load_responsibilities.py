"""Load who answers for which system, and which months nobody has reported, out of what is registered and accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.rules.permissions import Role
from hub.rules.reported import is_active, terms_of
from hub.rules.responsibilities import Duty, Responsibility, Responsible
from hub.store import accounts, facts, ledger, meter_facts, registry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts, SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import AcceptedReading
    from hub.store.ledger import Around

SYSTEMS_AT_ONCE = 500
_DUTIES = {
    Role.REPORTER: Duty.PRODUCTION_REPORTER,
    Role.DAS_PROVIDER: Duty.DAS_PROVIDER,
    Role.GIS_ACCOUNT_HOLDER: Duty.GIS_ACCOUNT_HOLDER,
}


def load_responsibilities(connection: Connection, months: Sequence[ProductionMonth]) -> tuple[Responsibility, ...]:
    """Return every system that lacks one of `months`, in order of time, as it was in the last of them.

    A month is lacking where a meter that was in service in it has no accepted reading for it; a meter of which nobody
    said since when it counts does so since its system was registered.
    """
    found: list[Responsibility] = []
    after = "" if months else None
    while after is not None:
        some, after = load_lacking(connection, months, after, SYSTEMS_AT_ONCE)
        found += some
    return tuple(found)


def load_lacking(
    connection: Connection,
    months: Sequence[ProductionMonth],
    after: str,
    limit: int,
    only: Collection[str] | None = None,
) -> tuple[tuple[Responsibility, ...], str | None]:
    """Return those of the next `limit` systems after a PTS id that lack one of `months`, as `load_responsibilities`.

    Where `only` is given, of those systems. Beside it the system after which the next ones come, None where there are
    none.
    """
    on = months[-1].last_day
    if only is None:
        systems = facts.iterate_system_facts(connection, on, after, limit)
    else:
        systems = facts.list_system_facts(connection, sorted(one for one in only if one > after)[:limit], on)
    names = [one.system for one in systems]
    registered = {one.pts_id: one.registered_at for one in registry.list_systems(connection, only=names)}
    found = tuple(_lacking(connection, systems, months, registered)) if systems else ()
    return found, names[-1] if names and len(names) == limit else None


def _lacking(
    connection: Connection,
    systems: Sequence[SystemFacts],
    months: Sequence[ProductionMonth],
    registered: Mapping[str, int],
) -> Iterator[Responsibility]:
    """Yield what lacks a month; who answers, and what came last, is asked of these alone: most systems lack none."""
    meters = meter_facts.list_meter_facts(connection, [one.system for one in systems])
    numbers = [meter.meter for some in meters.values() for meter in some]
    until = ledger.last_number(connection)
    reported = [(month, ledger.find_reported(connection, numbers, month, until)) for month in months]
    missing: dict[str, tuple[ProductionMonth, ...]] = {}
    for pts_id, own in meters.items():
        since = registered[pts_id]
        months_of = tuple(month for month, found in reported if any(_lacks(each, month, found, since) for each in own))
        if months_of:
            missing[pts_id] = months_of
    lacking = [meter.meter for pts_id in missing for meter in meters[pts_id]]
    around = ledger.find_around(connection, lacking, months[-1], until)
    who = _who_answers(connection, list(missing), months[-1].ends_at)
    for one in systems:
        if one.system in missing:
            yield Responsibility(
                system=one.system,
                name=one.name,
                capacity_w_dc=one.capacity_w_dc,
                mode=one.reporting_mode,
                responsible=who.get(one.system, ()),
                missing=missing[one.system],
                last=_latest(meters[one.system], around),
            )


def _who_answers(connection: Connection, systems: Collection[str], at: int) -> Mapping[str, tuple[Responsible, ...]]:
    """Return who answers at `at` (UTC ms) for each of these systems and has an e-mail address."""
    found: dict[str, tuple[Responsible, ...]] = {}
    for relation, account in accounts.list_responsible(connection, systems, at):
        duty = _DUTIES.get(relation.role)
        if duty is not None and account.email:
            who = Responsible(duty, account.full_name or account.name, account.email)
            for system in systems if relation.system is None else (relation.system,):
                found[system] = (*found.get(system, ()), who)
    return found


def _lacks(meter: MeterFacts, month: ProductionMonth, reported: Collection[int], registered_at: int) -> bool:
    """Return whether a meter was in service in a month and has no accepted reading for it."""
    if meter.meter in reported:
        return False
    began_at = registered_at if meter.initial_at is None else meter.initial_at
    return is_active(replace(terms_of(meter), initial_at=began_at), month)


def _latest(meters: Sequence[MeterFacts], around: Mapping[int, Around]) -> AcceptedReading | None:
    """Return the latest accepted reading of any of the meters."""
    found = (reading for one in meters for reading in (around[one.meter].before, around[one.meter].counting) if reading)
    return max(found, key=lambda reading: reading.read_at, default=None)
