"""Read what is known of a system and its meters, as it is on a day, and how it came to be known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.metering import check_meter
from hub.services.compute_production import find_system
from hub.store import exchanges, facts, meter_facts

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts, Programme, SystemFacts
    from hub.rules.metering import MeterFinding
    from hub.store.exchanges import Exchange
    from hub.store.facts import Version


@dataclass(frozen=True, slots=True)
class SystemView:
    """What holds of a system on a day, its programme then, and all that was ever said, in the order it was."""

    on: date
    facts: SystemFacts
    programme: Programme | None
    versions: tuple[Version[SystemFacts], ...]
    programmes: tuple[Version[Programme], ...]


@dataclass(frozen=True, slots=True)
class MetersView:
    """What is known of a system's meters, by serial, and their exchanges, by number.

    `findings` say by serial what speaks against a meter that is in service: they warn, and refuse nothing.
    """

    system: str
    meters: tuple[MeterFacts, ...]
    exchanges: tuple[Exchange, ...]
    findings: tuple[tuple[str, MeterFinding], ...]


def read_system(connection: Connection, pts_id: str, on: date) -> SystemView:
    """Return what is known of a system; raises UnknownSubjectError for one that is not registered."""
    known = facts.find_system_facts(connection, find_system(connection, pts_id).pts_id, max(on, facts.BEGINNING))
    assert known is not None, "a registered system has facts from the beginning"
    return SystemView(
        on=on,
        facts=known,
        programme=facts.find_programme(connection, pts_id, on),
        versions=facts.list_system_versions(connection, pts_id),
        programmes=facts.list_programme_versions(connection, pts_id),
    )


def read_meters_of(connection: Connection, pts_id: str, on: date) -> MetersView:
    """Return what is known of a system's meters, and what speaks against them on a day.

    Raises UnknownSubjectError for a system that is not registered.
    """
    system = find_system(connection, pts_id).pts_id
    meters = meter_facts.list_meter_facts(connection, [system]).get(system, ())
    findings = tuple(
        (meter.serial, finding)
        for meter in meters
        if meter.ended_at is None
        for finding in list_meter_findings(connection, meter, on)
    )
    return MetersView(system, meters, exchanges.list_exchanges(connection, system), findings)


def list_meter_findings(connection: Connection, meter: MeterFacts, on: date) -> tuple[MeterFinding, ...]:
    """Return what speaks against a meter on a day."""
    day = max(on, facts.BEGINNING)
    known = facts.find_system_facts(connection, meter.system, day)
    assert known is not None, "a registered system has facts from the beginning"
    return check_meter(known, meter, facts.find_programme(connection, meter.system, day), day)
