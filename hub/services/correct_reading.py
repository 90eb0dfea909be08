"""Correct a reading that counts: asked by one person, decided by another, and a new version that names the old one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError, UnknownSubjectError
from hub.rules.acceptance import Outcome, kwh
from hub.rules.periods import months_through
from hub.rules.permissions import may_decide
from hub.rules.reported import Origin, register_energy, terms_of
from hub.services.check_text import check_label
from hub.services.close_month import amend_months
from hub.services.find_meter import find_meter
from hub.services.read_audits import find_audit
from hub.store import changes, ledger, meter_facts, site_audits, submissions
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.ledger import NewEntry
from hub.store.submissions import Decision, Submission

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.periods import ProductionMonth
    from hub.services.submit_reading import Reported
    from hub.store.database import Database
    from hub.store.ledger import Around, Entry
    from hub.store.months import Run
    from hub.store.registry import Meter


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided, the entry that it made of a submission, and the runs by which closed months were amended."""

    decision: Decision
    entry: Entry | None
    amended: tuple[Run, ...]


def request_correction(  # noqa: PLR0913 - what is to count for which month, who asks, when and why
    database: Database,
    reported: Reported,
    month: ProductionMonth,
    *,
    actor: str,
    now: int,
    reason: str,
    audit: int | None = None,
) -> Submission:
    """Ask that a reading takes the place of the one that counts for a month, or of the one that is missing.

    Nothing changes until another person approves it. `audit` is the number of the audit on site that shows what was
    wrong. Raises InputError without a reason, for a reading that would not fit between the others of its meter, for an
    audit of another meter, and where such a request is waiting already; UnknownSubjectError for an audit that is none.
    """
    reason = check_label(reason, "a reason")
    if not reason:
        message = f"a correction of {month} needs its reason: say what was wrong, and how you know"
        raise InputError(message)
    with database.write() as connection:
        meter = find_meter(connection, reported.system, reported.serial)
        _check_fits(connection, meter.id, month, reported)
        if submissions.list_waiting(connection, meter.id, month, Outcome.REVIEW.value):
            message = f"a reading of meter {meter.serial} for {month} waits to be decided already: decide on it first"
            raise InputError(message)
        if audit is not None:
            _check_audit(connection, audit, meter)
            # The entry that it becomes quotes its reason: the ledger names the evidence too.
            reason = f"{reason}; evidence: audit {audit}"
        append_audit(
            connection,
            actor=actor,
            action="request correction",
            subject=reported.system,
            at=now,
            before=_told(ledger.find_entry(connection, meter.id, month)),
            after={"meter": meter.serial, "month": str(month), "register_wh": reported.register_wh, "audit": audit},
            reason=reason,
        )
        asked = submissions.add_submission(
            connection, _submission(reported, meter, month, actor=actor, now=now, reason=reason)
        )
        if audit is not None:
            site_audits.cite_audit(connection, asked.number, audit)
    return asked


def decide_submission(  # noqa: PLR0913 - what is decided on, how, by whom, when and why
    database: Database, number: int, *, approved: bool, actor: str, now: int, reason: str
) -> Decided:
    """Decide on a submission that was held: approved it is entered, and closed months that it touches are amended.

    Raises UnknownSubjectError for a number that is none, and InputError where nothing is to be decided, by the person
    who submitted it, without a reason, and for a reading that does not fit any more.
    """
    reason = check_label(reason, "a reason")
    with database.write() as connection:
        held = _find_waiting(connection, number)
        if not may_decide(held.actor, actor):
            message = f"submission {number} is your own: another person has to decide on it"
            raise InputError(message)
        if not reason:
            message = f"a decision on submission {number} needs its reason: say what you looked at"
            raise InputError(message)
        entry = _enter(connection, held, actor, now, reason) if approved else None
        decision = Decision(number, now, actor, approved, reason, None if entry is None else entry.accepted.id)
        submissions.add_decision(connection, decision)
        append_audit(
            connection,
            actor=actor,
            action="approve submission" if approved else "reject submission",
            subject=held.system,
            at=now,
            before={"submission": number, "by": held.actor},
            after={"month": str(held.month), "register_wh": held.register_wh if approved else None},
            reason=reason,
        )
        changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, held.system)], now)
        concerned = () if entry is None else _concerned(connection, entry)
    amended = amend_months(database, held.system, concerned, actor=actor, now=now, reason=reason)
    return Decided(decision, entry, amended)


def _submission(  # noqa: PLR0913 - what is to count, for which meter and month, who asks, when and why
    reported: Reported, meter: Meter, month: ProductionMonth, *, actor: str, now: int, reason: str
) -> Submission:
    return Submission(
        number=0,
        system=reported.system,
        serial=meter.serial,
        meter=meter.id,
        month=month,
        read_at=reported.read_at,
        register_wh=reported.register_wh,
        origin=Origin.ADJUSTED,
        submitted_at=now,
        actor=actor,
        photo=reported.photo,
        reason=reason,
        outcome=Outcome.REVIEW.value,
        findings="[]",
        accepted=None,
    )


def _find_waiting(connection: Connection, number: int) -> Submission:
    found = submissions.find_submission(connection, number)
    if found is None:
        message = f"there is no submission {number}: `meter-hub report list --waiting` shows those to decide on"
        raise UnknownSubjectError(message)
    if found.outcome != Outcome.REVIEW:
        message = f"submission {number} was {found.outcome}: there is nothing to decide on it"
        raise InputError(message)
    decided = submissions.find_decision(connection, number)
    if decided is not None:
        word = "approved" if decided.approved else "rejected"
        message = f"submission {number} was {word} by {decided.decided_by} already"
        raise InputError(message)
    return found


def _check_audit(connection: Connection, number: int, meter: Meter) -> None:
    """Refuse an audit that says nothing of the meter."""
    found = find_audit(connection, number)
    if found.audit.meter != meter.id:
        message = (
            f"audit {number} is of meter {found.serial} of system {found.audit.system}, not of {meter.serial}: name "
            "the audit of the meter whose reading is corrected"
        )
        raise InputError(message)


def _told(entry: Entry | None) -> dict[str, object] | None:
    """Return what counted until now as the audit log tells it."""
    if entry is None:
        return None
    return {"reading": entry.accepted.id, "register_wh": entry.accepted.register_wh}


def _enter(connection: Connection, held: Submission, actor: str, now: int, reason: str) -> Entry:
    assert held.meter is not None, "only readings of known meters are held"
    assert held.month is not None, "a reading is held for a month"
    counting = ledger.find_entry(connection, held.meter, held.month)
    if counting is not None and held.origin is not Origin.ADJUSTED:
        message = (
            f"{held.month} was reported otherwise in the meantime, with {kwh(counting.accepted.register_wh)}: reject "
            f"submission {held.number}, and request a correction if that is wrong"
        )
        raise InputError(message)
    new = NewEntry(
        meter=held.meter,
        month=held.month,
        read_at=held.read_at,
        register_wh=held.register_wh,
        origin=held.origin,
        actor=held.actor,
        reason=f"{held.reason or 'held for evidence'}; approved by {actor}: {reason}",
    )
    _check_between(connection, held.meter, held.month, held.register_wh, held.read_at)
    return ledger.add_entry(connection, new, now)


def _check_fits(connection: Connection, meter: int, month: ProductionMonth, reported: Reported) -> None:
    held = ledger.find_entry(connection, meter, month)
    if held is not None and (held.accepted.read_at, held.accepted.register_wh) == (
        reported.read_at,
        reported.register_wh,
    ):
        message = f"{month} has this reading already: there is nothing to correct"
        raise InputError(message)
    _check_between(connection, meter, month, reported.register_wh, reported.read_at)


def _check_between(connection: Connection, meter: int, month: ProductionMonth, register_wh: int, read_at: int) -> None:
    """Refuse a reading that does not lie between those of the months around it; raises InputError."""
    around = _around(connection, meter, month)
    known = meter_facts.find_meter_facts(connection, meter)
    modulus_wh = None if known is None else terms_of(known).modulus_wh
    for earlier, later in ((around.before, None), (None, around.after)):
        neighbour = earlier or later
        if neighbour is None:
            continue
        pair = (neighbour.register_wh, register_wh) if earlier else (register_wh, neighbour.register_wh)
        in_time = read_at > neighbour.read_at if earlier else read_at < neighbour.read_at
        if register_energy(*pair, modulus_wh) is None or not in_time:
            message = (
                f"{kwh(register_wh)} for {month} does not fit beside the {kwh(neighbour.register_wh)} that counts for "
                f"{neighbour.month}: correct that one first, or give the reading and its time as they were"
            )
            raise InputError(message)


def _concerned(connection: Connection, entry: Entry) -> tuple[ProductionMonth, ...]:
    """Return the months whose numbers a reading touches: from after the one before it to the one after it."""
    month = entry.accepted.month
    around = _around(connection, entry.accepted.meter, month)
    first = month if around.before is None else around.before.month.next()
    last = month if around.after is None else around.after.month
    return tuple(months_through(first, last))


def _around(connection: Connection, meter: int, month: ProductionMonth) -> Around:
    return ledger.find_around(connection, [meter], month, ledger.last_number(connection))[meter]
