"""Load who answers for which system, and which months nobody has reported, out of what is registered and accepted."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from datetime import date
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
    if not months:
        return ()
    registered = {system.pts_id: system.registered_at for system in registry.list_systems(connection)}
    return tuple(
        one for some in _in_pieces(connection, months[-1]) for one in _lacking(connection, some, months, registered)
    )


def _in_pieces(connection: Connection, month: ProductionMonth) -> Iterator[tuple[SystemFacts, ...]]:
    on = date(month.year, month.month, monthrange(month.year, month.month)[1])
    after = ""
    while some := facts.iterate_system_facts(connection, on, after, SYSTEMS_AT_ONCE):
        yield some
        after = some[-1].system


def _lacking(
    connection: Connection,
    systems: Sequence[SystemFacts],
    months: Sequence[ProductionMonth],
    registered: Mapping[str, int],
) -> Iterator[Responsibility]:
    meters = meter_facts.list_meter_facts(connection, [one.system for one in systems])
    numbers = [meter.meter for some in meters.values() for meter in some]
    until = ledger.last_number(connection)
    around = [(month, ledger.find_around(connection, numbers, month, until)) for month in months]
    who = _who_answers(connection, list(meters), months[-1].ends_at)
    for one in systems:
        own = meters.get(one.system, ())
        since = registered[one.system]
        missing = tuple(month for month, found in around if any(_lacks(each, month, found, since) for each in own))
        if missing:
            yield Responsibility(
                system=one.system,
                name=one.name,
                capacity_w_dc=one.capacity_w_dc,
                mode=one.reporting_mode,
                responsible=who.get(one.system, ()),
                missing=missing,
                last=_latest(own, around[-1][1]),
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


def _lacks(meter: MeterFacts, month: ProductionMonth, around: Mapping[int, Around], registered_at: int) -> bool:
    """Return whether a meter was in service in a month and has no accepted reading for it."""
    began_at = registered_at if meter.initial_at is None else meter.initial_at
    terms = replace(terms_of(meter), initial_at=began_at)
    return is_active(terms, month) and around[meter.meter].counting is None


def _latest(meters: Sequence[MeterFacts], around: Mapping[int, Around]) -> AcceptedReading | None:
    """Return the latest accepted reading of any of the meters."""
    found = (reading for one in meters for reading in (around[one.meter].before, around[one.meter].counting) if reading)
    return max(found, key=lambda reading: reading.read_at, default=None)
