"""The feed of what changed, by a number that only grows: pages learn from it what to fetch again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from hub.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

KEPT_CHANGES_MAX = 5_000


class SubjectKind(StrEnum):
    """What a change is about. `fleet` stands for the whole operator page."""

    FLEET = "fleet"
    SYSTEM = "system"
    BULK = "bulk"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """One thing that pages show: the fleet, one system by its PTS id, or one act on many devices by its number."""

    kind: SubjectKind
    id: str = ""

    def __str__(self) -> str:
        """Return the subject as pages write it: `fleet` or `system:PTS-ID`."""
        return f"{self.kind}:{self.id}" if self.id else str(self.kind)


FLEET = Subject(SubjectKind.FLEET)


def bulk(number: int) -> Subject:
    """Return the subject of an act on many devices."""
    return Subject(SubjectKind.BULK, str(number))


_ANNOUNCE = insert(schema.change)
_LATEST = select(func.coalesce(func.max(schema.change.c.number), 0))
_FORGET = delete(schema.change).where(schema.change.c.number <= _LATEST.scalar_subquery() - KEPT_CHANGES_MAX)


def announce(connection: Connection, subjects: Iterable[Subject], at: int) -> None:
    """Append one change per subject, and forget the oldest beyond `KEPT_CHANGES_MAX`."""
    rows = [
        {"subject_kind": subject.kind, "subject": subject.id, "changed_at": at} for subject in sorted(set(subjects))
    ]
    if not rows:
        return
    connection.execute(_ANNOUNCE, rows)
    connection.execute(_FORGET)


def latest_change(connection: Connection) -> int:
    """Return the number of the newest change, 0 before the first."""
    return int(connection.execute(_LATEST).scalar_one())


def changes_after(connection: Connection, number: int) -> tuple[int, frozenset[Subject]]:
    """Return the newest number and the subjects that changed after `number`."""
    table = schema.change
    rows = connection.execute(
        select(func.max(table.c.number).label("number"), table.c.subject_kind, table.c.subject)
        .where(table.c.number > number)
        .group_by(table.c.subject_kind, table.c.subject)
    ).all()
    newest = max((row.number for row in rows), default=number)
    return newest, frozenset(Subject(SubjectKind(row.subject_kind), row.subject) for row in rows)
