"""Acts of reporting: what was sent in by whom, what became of it, and what staff decided where it was held for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from hub.rules.periods import parse_month
from hub.rules.reported import Origin
from hub.store.ledger_tables import experience, submission, submission_decision

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection, Row

    from hub.rules.periods import ProductionMonth

LISTED_MAX = 1_000
METERS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Submission:
    """One act of reporting a register in Wh, read and submitted at instants (UTC ms), and its outcome.

    `meter` and `month` are None where it names none that there is; `findings` is JSON; `photo` is the name of a picture
    (`hub.photos`), `reason` says why one that counts is to be replaced; `accepted` is the entry that it became.
    """

    number: int
    system: str
    serial: str
    meter: int | None
    month: ProductionMonth | None
    read_at: int
    register_wh: int
    origin: Origin
    submitted_at: int
    actor: str
    photo: str | None
    reason: str
    outcome: str
    findings: str
    accepted: int | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What staff decided on a submission that was held for them; `decided_at` is UTC ms."""

    submission: int
    decided_at: int
    decided_by: str
    approved: bool
    reason: str
    accepted: int | None


@dataclass(frozen=True, slots=True)
class Experience:
    """What a reporter says of a month beside the reading: cost of service in cents, hours out of service."""

    system: str
    month: ProductionMonth
    recorded_at: int
    actor: str
    service_cost_cents: int
    outage_hours: int
    note: str


def add_submission(connection: Connection, new: Submission) -> Submission:
    """Keep an act of reporting (its `number` is ignored) and return it with its number."""
    values = {
        "system": new.system,
        "serial": new.serial,
        "meter_id": new.meter,
        "month": None if new.month is None else str(new.month),
        "read_at": new.read_at,
        "register_wh": new.register_wh,
        "origin": new.origin.value,
        "submitted_at": new.submitted_at,
        "actor": new.actor,
        "photo": new.photo,
        "reason": new.reason,
        "outcome": new.outcome,
        "findings": new.findings,
        "accepted": new.accepted,
    }
    return _submission(connection.execute(insert(submission).values(values).returning(submission)).one())


def find_submission(connection: Connection, number: int) -> Submission | None:
    """Return the submission with this number."""
    row = connection.execute(select(submission).where(submission.c.number == number)).one_or_none()
    return None if row is None else _submission(row)


def list_submissions(
    connection: Connection, *, system: str | None = None, before: int | None = None, limit: int = 100
) -> tuple[Submission, ...]:
    """Return submissions, of one system or of all, the latest first, those with a number below `before` if given."""
    assert limit <= LISTED_MAX, limit
    query = select(submission).order_by(submission.c.number.desc()).limit(limit)
    if system is not None:
        query = query.where(submission.c.system == system)
    if before is not None:
        query = query.where(submission.c.number < before)
    return tuple(map(_submission, connection.execute(query)))


def list_of_month(connection: Connection, meter: int, month: ProductionMonth) -> tuple[Submission, ...]:
    """Return what was submitted for a meter and a month, oldest first."""
    query = (
        select(submission)
        .where(submission.c.meter_id == meter, submission.c.month == str(month))
        .order_by(submission.c.number)
    )
    return tuple(map(_submission, connection.execute(query)))


def list_waiting(connection: Connection, meter: int, month: ProductionMonth, outcome: str) -> tuple[Submission, ...]:
    """Return what of this outcome was submitted for a meter and a month and nobody decided on yet, oldest first."""
    query = (
        select(submission)
        .outerjoin(submission_decision, submission_decision.c.submission == submission.c.number)
        .where(
            submission.c.meter_id == meter,
            submission.c.month == str(month),
            submission.c.outcome == outcome,
            submission_decision.c.number.is_(None),
        )
        .order_by(submission.c.number)
    )
    return tuple(map(_submission, connection.execute(query)))


def waiting_meters(
    connection: Connection, meters: Collection[int], month: ProductionMonth, outcome: str
) -> frozenset[int]:
    """Return those of these meters of which a submission of this outcome waits to be decided on for a month."""
    found: set[int] = set()
    wanted = sorted(meters)
    for start in range(0, len(wanted), METERS_AT_ONCE):
        query = (
            select(submission.c.meter_id)
            .outerjoin(submission_decision, submission_decision.c.submission == submission.c.number)
            .where(
                submission.c.meter_id.in_(wanted[start : start + METERS_AT_ONCE]),
                submission.c.month == str(month),
                submission.c.outcome == outcome,
                submission_decision.c.number.is_(None),
            )
        )
        found |= set(connection.execute(query).scalars())
    return frozenset(found)


def list_undecided(connection: Connection, outcome: str, limit: int = 100, *, after: int = 0) -> tuple[Submission, ...]:
    """Return the submissions of this outcome on which nobody decided yet, oldest first, those after a number."""
    query = (
        select(submission)
        .outerjoin(submission_decision, submission_decision.c.submission == submission.c.number)
        .where(submission.c.outcome == outcome, submission_decision.c.number.is_(None), submission.c.number > after)
        .order_by(submission.c.number)
        .limit(limit)
    )
    return tuple(map(_submission, connection.execute(query)))


def held_meters(
    connection: Connection, month: ProductionMonth, outcomes: Collection[str]
) -> frozenset[tuple[str, str]]:
    """Return the systems and serial numbers for which a submission of these outcomes waits in a month.

    The serial number is empty where the reporter left out that of an only meter.
    """
    query = (
        select(submission.c.system, submission.c.serial)
        .outerjoin(submission_decision, submission_decision.c.submission == submission.c.number)
        .where(
            submission.c.outcome.in_(list(outcomes)),
            submission.c.month == str(month),
            submission_decision.c.number.is_(None),
        )
    )
    return frozenset((row.system, row.serial) for row in connection.execute(query))


def systems_with_photo(connection: Connection, photo: str) -> tuple[str, ...]:
    """Return the systems for which this picture was submitted."""
    query = select(submission.c.system).distinct().where(submission.c.photo == photo)
    return tuple(connection.execute(query).scalars())


def add_decision(connection: Connection, decision: Decision) -> None:
    """Keep what was decided on a submission."""
    connection.execute(
        insert(submission_decision).values(
            submission=decision.submission,
            decided_at=decision.decided_at,
            decided_by=decision.decided_by,
            approved=int(decision.approved),
            reason=decision.reason,
            accepted=decision.accepted,
        )
    )


def find_decision(connection: Connection, number: int) -> Decision | None:
    """Return what was decided on the submission with this number."""
    table = submission_decision
    row = connection.execute(select(table).where(table.c.submission == number)).one_or_none()
    if row is None:
        return None
    return Decision(row.submission, row.decided_at, row.decided_by, bool(row.approved), row.reason, row.accepted)


def add_experience(connection: Connection, new: Experience) -> None:
    """Keep what a reporter says of a month; what was said before stays, and the last counts."""
    connection.execute(
        insert(experience).values(
            system=new.system,
            month=str(new.month),
            recorded_at=new.recorded_at,
            actor=new.actor,
            service_cost_cents=new.service_cost_cents,
            outage_hours=new.outage_hours,
            note=new.note,
        )
    )


def find_experiences(connection: Connection, systems: Collection[str], month: ProductionMonth) -> dict[str, Experience]:
    """Return what was said last of each of these systems and a month; those of which nothing was said are left out."""
    table = experience
    query = select(table).where(table.c.system.in_(list(systems)), table.c.month == str(month)).order_by(table.c.number)
    return {row.system: _experience(row) for row in connection.execute(query)}


def list_experience(connection: Connection, system: str, limit: int) -> tuple[Experience, ...]:
    """Return what was said last of each of a system's months, at most `limit`, the latest month first."""
    later = experience.alias("later")
    newer = select(later.c.number).where(
        later.c.system == experience.c.system,
        later.c.month == experience.c.month,
        later.c.number > experience.c.number,
    )
    query = (
        select(experience)
        .where(experience.c.system == system, ~newer.exists())
        .order_by(experience.c.month.desc())
        .limit(limit)
    )
    return tuple(map(_experience, connection.execute(query)))


def _experience(row: Row[tuple[object, ...]]) -> Experience:
    return Experience(
        system=row.system,
        month=parse_month(row.month),
        recorded_at=row.recorded_at,
        actor=row.actor,
        service_cost_cents=row.service_cost_cents,
        outage_hours=row.outage_hours,
        note=row.note,
    )


def _submission(row: Row[tuple[object, ...]]) -> Submission:
    return Submission(
        number=row.number,
        system=row.system,
        serial=row.serial,
        meter=row.meter_id,
        month=None if row.month is None else parse_month(row.month),
        read_at=row.read_at,
        register_wh=row.register_wh,
        origin=Origin(row.origin),
        submitted_at=row.submitted_at,
        actor=row.actor,
        photo=row.photo,
        reason=row.reason,
        outcome=row.outcome,
        findings=row.findings,
        accepted=row.accepted,
    )
