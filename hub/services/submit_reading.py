"""Report a month's reading: judged at once, final when it is accepted, and kept whatever comes of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.acceptance import (
    Attempt,
    Circumstances,
    Judgement,
    Outcome,
    judge_reading,
    refuse_stranger,
    refuse_unauthorised,
)
from hub.rules.fields import KILOWATT_HOURS, Problem, read_scaled
from hub.rules.local_times import parse_local
from hub.rules.periods import date_at, month_of
from hub.rules.reported import Bound, Origin, terms_of
from hub.rules.windows import refuse_closed, refuse_manual, window_at
from hub.services.bound_production import clear_sky_wh
from hub.services.set_manual_limit import load_manual_limits
from hub.store import changes, facts, ledger, meter_facts, submissions
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.ledger import NewEntry
from hub.store.submissions import Submission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.rules.acceptance import Finding
    from hub.rules.facts import MeterFacts, SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.reported import MeterTerms
    from hub.store.database import Database
    from hub.store.ledger import Entry


@dataclass(frozen=True, slots=True)
class Reported:
    """A reading as it is reported: `serial` may be empty for a system with one meter, `photo` names a kept picture.

    `reading` names the reading in custody that it is, for one that a device took.
    """

    system: str
    serial: str
    register_wh: int
    read_at: int
    origin: Origin = Origin.MANUAL
    photo: str | None = None
    reading: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a submission, and the entry that it became, if it did.

    Both are None for a preview, unless the same reading was sent before and waits to be decided on.
    """

    judgement: Judgement
    submission: Submission | None
    entry: Entry | None


def parse_reported(  # noqa: PLR0913 - the fields of the form
    system: str, serial: str, register_kwh: str, read_at: str, *, now: int, photo: str | None = None
) -> Reported:
    """Return a reading from what a person writes: kWh with up to three decimals, the time as the clock showed it.

    An empty time is now. Raises InputError.
    """
    register_wh = read_scaled(register_kwh.strip(), KILOWATT_HOURS)
    if isinstance(register_wh, Problem):
        message = f"the reading {register_wh.text}"
        raise InputError(message)
    return Reported(
        system=system.strip(),
        serial=serial.strip(),
        register_wh=register_wh,
        read_at=parse_local(read_at) if read_at.strip() else now,
        photo=photo,
    )


def preview_reading(connection: Connection, reported: Reported, now: int, *, unauthorised: str | None = None) -> Answer:
    """Return what would become of a reading if it were submitted at `now` (UTC ms); nothing is kept."""
    judged = _judge(connection, reported, now, unauthorised)
    return _find_waiting(connection, judged, reported) or Answer(judged.judgement, None, None)


def submit_reading(
    database: Database, reported: Reported, *, actor: str, now: int, unauthorised: str | None = None
) -> Answer:
    """Judge a reading, enter it into the ledger if it is accepted, and keep the act of reporting in any case.

    `unauthorised` says why the actor may not report for the system, None if they may. What was accepted cannot be
    changed any more, but by a correction. What waits to be decided on and is sent again is answered with what waits.
    """
    if unauthorised is None:
        know_sky(database, reported.system, now)
    with database.write() as connection:
        return enter_reading(connection, reported, actor=actor, now=now, unauthorised=unauthorised)


def know_sky(database: Database, pts_id: str, now: int) -> None:
    """Have the sky over a system computed, which may take seconds, before a transaction keeps others from writing."""
    with database.read() as connection:
        system = facts.find_system_facts(connection, pts_id, date_at(now))
    if system is not None:
        clear_sky_wh(system, now, now)


def enter_reading(
    connection: Connection, reported: Reported, *, actor: str, now: int, unauthorised: str | None = None
) -> Answer:
    """Do what `submit_reading` does, inside a transaction."""
    judged = _judge(connection, reported, now, unauthorised)
    waiting = _find_waiting(connection, judged, reported)
    if waiting is not None:
        return waiting
    judgement = judged.judgement
    entry = None
    if judgement.outcome is Outcome.ACCEPTED:
        assert judged.meter is not None, "only readings of known meters are accepted"
        assert judgement.month is not None, "a reading is accepted for a month"
        new = NewEntry(
            meter=judged.meter.meter,
            month=judgement.month,
            read_at=reported.read_at,
            register_wh=reported.register_wh,
            origin=reported.origin,
            actor=actor,
            reading=reported.reading,
        )
        entry = ledger.add_entry(connection, new, now)
        append_audit(
            connection,
            actor=actor,
            action="report reading",
            subject=reported.system,
            at=now,
            after={"meter": judged.meter.serial, "month": str(new.month), "register_wh": new.register_wh},
        )
        changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, reported.system)], now)
    kept = submissions.add_submission(
        connection,
        Submission(
            number=0,
            system=reported.system,
            serial=reported.serial if judged.meter is None else judged.meter.serial,
            meter=None if judged.meter is None else judged.meter.meter,
            month=judgement.month,
            read_at=reported.read_at,
            register_wh=reported.register_wh,
            origin=reported.origin,
            submitted_at=now,
            actor=actor,
            photo=reported.photo,
            reason="",
            outcome=judgement.outcome.value,
            findings=write_findings(judgement.findings),
            accepted=None if entry is None else entry.accepted.id,
        ),
    )
    return Answer(judgement, kept, entry)


def write_findings(findings: Sequence[Finding]) -> str:
    """Return findings as they are kept: JSON."""
    return json.dumps([asdict(finding) for finding in findings], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class _Judged:
    judgement: Judgement
    meter: MeterFacts | None


def _judge(connection: Connection, reported: Reported, now: int, unauthorised: str | None) -> _Judged:
    # Who may not report learns nothing of the system's meters.
    if unauthorised is not None:
        return _Judged(
            Judgement(Outcome.REFUSED, (refuse_unauthorised(reported.system, unauthorised),), None, None), None
        )
    system = facts.find_system_facts(connection, reported.system, date_at(now))
    meters = meter_facts.list_meter_facts(connection, [reported.system]).get(reported.system, ())
    meter = _choose(meters, reported)
    finding = refuse_stranger(
        reported.system, reported.serial, is_system_known=system is not None, is_meter_known=meter is not None
    )
    if finding is not None or system is None or meter is None:
        assert finding is not None, "an unknown system or meter is refused"
        return _Judged(Judgement(Outcome.REFUSED, (finding,), None, None), meter)
    in_service = sum(one.ended_at is None for one in meters)
    known = _gather(connection, system, meter, now, is_only_meter=in_service <= 1)
    if known.opening is not None and known.opening.at < reported.read_at:
        known = replace(known, clear_sky_wh=clear_sky_wh(system, known.opening.at, reported.read_at))
    attempt = Attempt(
        read_at=reported.read_at,
        register_wh=reported.register_wh,
        submitted_at=now,
        origin=reported.origin,
        has_photo=reported.photo is not None,
    )
    return _Judged(judge_reading(attempt, known), meter)


def _find_waiting(connection: Connection, judged: _Judged, reported: Reported) -> Answer | None:
    """Return the answer that the same reading got if it waits to be decided on; None if it does not."""
    judgement = judged.judgement
    if judgement.outcome not in {Outcome.HELD, Outcome.REVIEW}:
        return None
    assert judged.meter is not None, "only readings of known meters are held"
    assert judgement.month is not None, "a reading is held for a month"
    waiting = submissions.list_waiting(connection, judged.meter.meter, judgement.month, Outcome.REVIEW.value)
    for one in waiting:
        if (one.read_at, one.register_wh) == (reported.read_at, reported.register_wh):
            return Answer(replace(judgement, outcome=Outcome.REVIEW), one, None)
    return None


def _choose(meters: Sequence[MeterFacts], reported: Reported) -> MeterFacts | None:
    """Return the meter that is meant: by its serial, or the only one in service when it was read."""
    if reported.serial:
        named = [meter for meter in meters if meter.serial == reported.serial]
    else:
        named = [meter for meter in meters if meter.ended_at is None or meter.ended_at > reported.read_at]
    if len(named) > 1:
        serials = ", ".join(f"{meter.make} {meter.serial}".strip() for meter in named)
        message = f"system {reported.system} has several meters ({serials}): say which one was read"
        raise InputError(message)
    return named[0] if named else None


def _gather(
    connection: Connection, system: SystemFacts, meter: MeterFacts, now: int, *, is_only_meter: bool
) -> Circumstances:
    terms = terms_of(meter)
    limits = load_manual_limits(connection)
    manual = refuse_manual(system.technology, system.capacity_w_dc, system.capacity_w_ac, date_at(now), limits)
    window = window_at(now)
    if window is None:
        return Circumstances(system, terms, None, closed=refuse_closed(now), manual=manual)
    held = ledger.find_entry(connection, meter.meter, window.month)
    submitted = submissions.list_of_month(connection, meter.meter, window.month)
    return Circumstances(
        system=system,
        terms=terms,
        window=window,
        manual=manual,
        opening=_opening(connection, terms, window.month),
        counting=None if held is None else held.accepted,
        is_only_meter=is_only_meter,
        was_held=any(one.outcome in {Outcome.HELD, Outcome.REVIEW} for one in submitted),
    )


def _opening(connection: Connection, terms: MeterTerms, month: ProductionMonth) -> Bound | None:
    """Return what the meter's month is counted from: the last reading before it, or what the meter began with."""
    before = next(iter(ledger.list_before(connection, terms.meter, month, 1)), None)
    if before is not None:
        return Bound(before.id, before.month, before.read_at, before.register_wh)
    if terms.initial_at is None or terms.initial_wh is None:
        return None
    return Bound(None, month_of(terms.initial_at).previous(), terms.initial_at, terms.initial_wh)
