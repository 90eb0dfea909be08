"""What staff decided on what was found of a month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from hub.rules.periods import parse_month
from hub.store.ledger_tables import finding_review

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection, Row

    from hub.rules.periods import ProductionMonth


@dataclass(frozen=True, slots=True)
class Review:
    """A decision on a finding at `decided_at` (UTC ms): why, and what shows it, a picture's name or a few words."""

    system: str
    month: ProductionMonth
    code: str
    decided_at: int
    decided_by: str
    decision: str
    reason: str
    evidence: str


def add_review(connection: Connection, review: Review) -> None:
    """Keep a decision; the last one on a finding counts."""
    connection.execute(
        insert(finding_review).values(
            system=review.system,
            month=str(review.month),
            code=review.code,
            decided_at=review.decided_at,
            decided_by=review.decided_by,
            decision=review.decision,
            reason=review.reason,
            evidence=review.evidence,
        )
    )


def list_reviews(
    connection: Connection, month: ProductionMonth, systems: Collection[str] | None = None
) -> dict[tuple[str, str], Review]:
    """Return the last decision on each finding of a month, of these systems or of all, by system and code."""
    table = finding_review
    query = select(table).where(table.c.month == str(month)).order_by(table.c.number)
    if systems is not None:
        query = query.where(table.c.system.in_(list(systems)))
    return {(row.system, row.code): _review(row) for row in connection.execute(query)}


def _review(row: Row[tuple[object, ...]]) -> Review:
    return Review(
        system=row.system,
        month=parse_month(row.month),
        code=row.code,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        decision=row.decision,
        reason=row.reason,
        evidence=row.evidence,
    )
