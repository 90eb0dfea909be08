"""Record an audit on site: what an auditor read of a meter, held against what was reported of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.auditing import audit_register, counted_readings, refuse_audit
from hub.rules.closing import RULES_VERSION
from hub.rules.fields import KILOWATT_HOURS, Problem, read_scaled
from hub.rules.local_times import parse_local
from hub.rules.periods import date_at
from hub.rules.plausibility import physical_limit_wh
from hub.rules.reported import terms_of
from hub.services.bound_production import clear_sky_wh
from hub.services.check_text import check_label
from hub.services.find_meter import find_meter
from hub.services.submit_reading import know_sky
from hub.store import changes, facts, ledger, meter_facts, site_audits
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.site_audits import AuditFinding, NewAudit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.auditing import Comparison
    from hub.rules.facts import MeterFacts
    from hub.store.database import Database
    from hub.store.site_audits import SiteAudit

CLAUSE = "AUDIT_TOLERANCE"


@dataclass(frozen=True, slots=True)
class Audited:
    """What an auditor found: a register in Wh, and as it was typed in kWh, read at `audited_at` (UTC ms).

    `serial` and `make` may be empty where that leaves one meter. `photo` names a kept picture.
    """

    system: str
    serial: str
    make: str
    auditor: str
    audited_at: int
    register_wh: int
    register_typed: str
    photo: str | None = None
    note: str = ""


def parse_audited(  # noqa: PLR0913 - the fields of the form
    system: str,
    serial: str,
    register_kwh: str,
    audited_at: str,
    auditor: str,
    *,
    make: str = "",
    photo: str | None = None,
    note: str = "",
) -> Audited:
    """Return an audit from what a person writes: kWh with up to three decimals, the time as the clock showed it.

    Raises InputError.
    """
    register_wh = read_scaled(register_kwh.strip(), KILOWATT_HOURS)
    if isinstance(register_wh, Problem):
        message = f"the audited register {register_wh.text}"
        raise InputError(message)
    return Audited(
        system=system.strip(),
        serial=serial.strip(),
        make=make.strip(),
        auditor=auditor,
        audited_at=parse_local(audited_at),
        register_wh=register_wh,
        register_typed=register_kwh.strip(),
        photo=photo,
        note=note,
    )


def record_audit(database: Database, audited: Audited, *, actor: str, now: int) -> SiteAudit:
    """Keep an audit with what it says of the reports, and return it; the log has it too.

    Raises UnknownSubjectError for a system or meter that is not registered, and InputError without an auditor's name,
    for a register or a time that cannot be, and for a meter of which nothing was reported.
    """
    auditor, note = check_label(audited.auditor, "a name"), check_label(audited.note, "a note")
    if not auditor:
        message = "an audit needs the name of the auditor who read the meter: an operator may record it for them"
        raise InputError(message)
    know_sky(database, audited.system, now)
    with database.write() as connection:
        meter_id = find_meter(connection, audited.system, audited.serial, audited.make).id
        meter = meter_facts.find_meter_facts(connection, meter_id)
        assert meter is not None, "a registered meter has facts"
        found = _compare(connection, meter, audited, now)
        new = NewAudit(
            system=meter.system,
            meter=meter.meter,
            audited_at=audited.audited_at,
            recorded_at=now,
            actor=actor,
            auditor=auditor,
            register_wh=audited.register_wh,
            register_typed=audited.register_typed,
            photo=audited.photo,
            note=note,
            found=_found(found),
        )
        added = site_audits.add_audit(connection, new)
        after = {
            "audit": added.number,
            "meter": meter.serial,
            "auditor": auditor,
            "register_wh": new.register_wh,
            "reading": found.reading.id,
            "deviation_wh": found.deviation_wh,
            "within": new.found.is_within,
        }
        append_audit(
            connection, actor=actor, action="record audit", subject=meter.system, at=now, after=after, reason=note
        )
        changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, meter.system)], now)
    return added


def _compare(connection: Connection, meter: MeterFacts, audited: Audited, now: int) -> Comparison:
    terms = terms_of(meter)
    refusal = refuse_audit(terms, audited.audited_at, audited.register_wh, now)
    if refusal is not None:
        message = f"the audit of meter {meter.serial} cannot be: {refusal}"
        raise InputError(message)
    entries = ledger.list_entries(connection, meter.meter)
    readings = counted_readings(terms, [entry.accepted for entry in entries])
    if not readings:
        message = (
            f"nothing was reported of meter {meter.serial} of system {meter.system} yet: record the audit once it was, "
            "for there is nothing to hold it against"
        )
        raise InputError(message)
    system = facts.find_system_facts(connection, meter.system, date_at(audited.audited_at))
    assert system is not None, "a registered system has facts from the beginning"

    def most_between(from_at: int, until_at: int) -> int:
        limit_wh = physical_limit_wh(system, from_at, until_at)
        sky_wh = clear_sky_wh(system, from_at, until_at) if from_at < until_at else None
        return limit_wh if sky_wh is None else min(limit_wh, sky_wh)

    found = audit_register(terms, readings, audited.audited_at, audited.register_wh, most_between)
    if found is None:
        message = (
            f"what was reported of meter {meter.serial} of system {meter.system} goes down somewhere: have that "
            "reading corrected first, or declare at which energy the register starts again"
        )
        raise InputError(message)
    return found


def _found(found: Comparison) -> AuditFinding:
    return AuditFinding(
        reading=found.reading.id,
        reported_wh=found.reported_wh,
        audited_wh=found.audited_wh,
        between_wh=found.between_wh,
        deviation_ppm=found.deviation_ppm,
        is_within=found.finding is None,
        finding="" if found.finding is None else found.finding.text,
        clause=CLAUSE,
        rules=RULES_VERSION,
    )
