"""End a meter: from an instant on it is no part of its system any more, because it was exchanged or removed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.instants import format_instant, parse_instant
from hub.services.find_meter import find_meter
from hub.store import changes, meter_facts, ownership, registry, series
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from hub.store.database import Database
    from hub.store.registry import Meter


@dataclass(frozen=True, slots=True)
class EndRequest:
    """Which meter ends, and when: `at` as RFC 3339. `make` is needed where two meters share the serial number."""

    system: str
    serial: str
    at: str
    make: str = ""


def end_meter(database: Database, request: EndRequest, now: int, actor: str = "") -> Meter:
    """Let a meter count until an instant and return it; the same again changes nothing, another instant replaces it.

    Its readings up to then go on to count, later ones do not. Raises InputError for a malformed instant, one that has
    not come (`now`, UTC ms) or one before the meter's first reading, and UnknownSubjectError for a meter that is not
    the system's.
    """
    read_until = parse_instant(request.at)
    if read_until > now:
        message = f"{request.at} has not come yet: end a meter when it has been removed"
        raise InputError(message)
    with database.write() as connection:
        meter = find_meter(connection, request.system, request.serial, request.make)
        first = series.first_reading(connection, ownership.registers_of(connection, meter))
        if first is not None and read_until < first.read_at:
            message = (
                f"meter {meter.serial} of system {meter.system} was first read at {format_instant(first.read_at)}: it "
                f"cannot have ended at {request.at}"
            )
            raise InputError(message)
        if meter.read_until == read_until:
            return meter
        ended = replace(meter, read_until=read_until)
        registry.save_meter(connection, ended, now)
        known = meter_facts.find_meter_facts(connection, meter.id)
        assert known is not None, "a registered meter has facts"
        noted = replace(known, ended_at=read_until, final_wh=None)
        meter_facts.add_meter_versions(connection, [noted], Recorded(actor, now))
        append_audit(
            connection,
            actor=actor,
            action="end meter",
            subject=meter.system,
            at=now,
            before={"meter": meter.serial, "ended_at": meter.read_until},
            after={"meter": meter.serial, "ended_at": read_until},
        )
        changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, meter.system)], now)
    return ended
