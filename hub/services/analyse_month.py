"""Analyse a month: list the systems whose data are erratic, and keep what staff decide on each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError, UnknownSubjectError
from hub.rules.acceptance import Code, Finding, Severity
from hub.rules.analysis import Erratic, ReviewDecision, order_erratic
from hub.services.check_text import check_label
from hub.services.compute_production import find_system
from hub.store import changes, months, reviews
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.rules.periods import ProductionMonth
    from hub.store.database import Database
    from hub.store.months import SystemMonthRow
    from hub.store.reviews import Review


@dataclass(frozen=True, slots=True)
class Unreviewed:
    """How many systems of a month have a finding that nobody decided on, `zero` of them that nothing was produced."""

    month: ProductionMonth
    systems: int
    zero: int


def analyse_month(connection: Connection, month: ProductionMonth) -> tuple[Erratic, ...]:
    """Return what the last runs found of systems' months, in the order in which staff should look.

    Raises UnknownSubjectError for a month that nobody went over.
    """
    _check_runs(connection, month)
    return order_erratic(
        _erratic(months.list_doubtful(connection, month), reviews.list_reviews(connection, month)),
    )


def analyse_systems(
    connection: Connection, month: ProductionMonth, after: str, limit: int
) -> tuple[tuple[Erratic, ...], str | None]:
    """Return what was found of the months of the next systems after a PTS id, at most `limit`, by system.

    Beside it the system after which the next ones come, None where there are none. Raises UnknownSubjectError for a
    month that nobody went over.
    """
    _check_runs(connection, month)
    rows = months.list_doubtful(connection, month, after=after, limit=limit)
    decided = reviews.list_reviews(connection, month, [row.system for row in rows])
    return tuple(_erratic(rows, decided)), rows[-1].system if len(rows) == limit else None


def count_unreviewed(connection: Connection) -> Unreviewed | None:
    """Return how many systems were found erratic in the last month that was gone over, and nobody decided on.

    None where no month was gone over yet, or where somebody decided on all that was found.
    """
    month = months.last_month(connection)
    if month is None:
        return None
    left = [one for one in analyse_month(connection, month) if one.decided is None]
    zero = {one.system for one in left if one.finding.code is Code.ZERO_PRODUCTION}
    return Unreviewed(month, len({one.system for one in left}), len(zero)) if left else None


def review_finding(database: Database, review: Review) -> Review:
    """Keep a decision on a finding of a system's month.

    Raises InputError for a decision without a reason or that is none, and UnknownSubjectError where nothing such was
    found.
    """
    try:
        ReviewDecision(review.decision)
    except ValueError as error:
        known = ", ".join(ReviewDecision)
        message = f"{review.decision!r:.40} is no decision on a finding: it is one of {known}"
        raise InputError(message) from error
    if not check_label(review.reason, "a reason"):
        message = f"a decision on {review.code} of {review.system} needs its reason: say what you found out"
        raise InputError(message)
    check_label(review.evidence, "evidence")
    with database.write() as connection:
        row = months.find_system_month(connection, find_system(connection, review.system).pts_id, review.month)
        if row is None or review.code not in {finding.code for finding in _read(row)}:
            message = f"no {review.code} was found of {review.system} in {review.month}: see `meter-hub months erratic`"
            raise UnknownSubjectError(message)
        reviews.add_review(connection, review)
        append_audit(
            connection,
            actor=review.decided_by,
            action="review finding",
            subject=review.system,
            at=review.decided_at,
            after={"month": str(review.month), "code": review.code, "decision": review.decision},
            reason=review.reason,
        )
        changes.announce(connection, [Subject(SubjectKind.SYSTEM, review.system)], review.decided_at)
    return review


def _check_runs(connection: Connection, month: ProductionMonth) -> None:
    if not months.list_runs(connection, month):
        message = f"nobody went over {month} yet: look at it with `meter-hub months run {month}`"
        raise UnknownSubjectError(message)


def _erratic(rows: Sequence[SystemMonthRow], decided: Mapping[tuple[str, str], Review]) -> Iterator[Erratic]:
    for row in rows:
        for finding in _read(row):
            yield Erratic(row.system, finding, _decision(decided.get((row.system, finding.code.value))))


def _read(row: SystemMonthRow) -> Iterator[Finding]:
    for found in json.loads(row.findings):
        yield Finding(Code(found["code"]), Severity(found["severity"]), found["clause"], found["text"])


def _decision(review: Review | None) -> ReviewDecision | None:
    return None if review is None else ReviewDecision(review.decision)
