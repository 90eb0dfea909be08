"""The audit log: who did what, chained entry by entry, in the transaction of what was done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from hub.rules.audit_chain import NO_ENTRY, AuditEntry, seal_entry
from hub.rules.closing import canonical
from hub.store.dialect import take_turn
from hub.store.people_tables import audit_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Row


APPEND_LOCK = 0x4155_4449_54
"""Who appends holds it until the commit: two writers must not chain onto the same entry. It spells AUDIT."""
PART = 1_000
"""How many entries are read at once."""


def append_audit(  # noqa: PLR0913 - who did what to what, from what to what, why and when
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    at: int,
    before: object = None,
    after: object = None,
    reason: str = "",
) -> AuditEntry:
    """Append an entry at `at` (UTC ms) and return it; `before` and `after` are what changed, as plain values.

    Another transaction that appends waits until this one has ended.
    """
    take_turn(connection, APPEND_LOCK)
    last = connection.execute(select(audit_entry).order_by(audit_entry.c.number.desc()).limit(1)).one_or_none()
    entry = AuditEntry(
        number=1 if last is None else last.number + 1,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        before=canonical(before),
        after=canonical(after),
        reason=reason,
        previous=NO_ENTRY if last is None else last.sha256,
        sha256="",
    )
    entry = replace(entry, sha256=seal_entry(entry))
    connection.execute(
        insert(audit_entry).values({column.name: getattr(entry, column.name) for column in audit_entry.c})
    )
    return entry


def iterate_audit(connection: Connection) -> Iterator[AuditEntry]:
    """Yield the whole log, oldest first; it is read in parts, however long it is."""
    after, part = 0, None
    while part is None or len(part) == PART:
        query = select(audit_entry).where(audit_entry.c.number > after).order_by(audit_entry.c.number).limit(PART)
        part = connection.execute(query).all()
        for row in part:
            yield _entry(row)
            after = row.number


def count_audit(connection: Connection) -> int:
    """Return how many entries the log has by the number of its last."""
    return connection.execute(select(func.max(audit_entry.c.number))).scalar_one() or 0


def list_audit(  # noqa: PLR0913 - by what it is narrowed down
    connection: Connection,
    *,
    subject: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[AuditEntry, ...]:
    """Return the latest entries, the latest first: all, or of a subject, an actor, an action, below a number."""
    table = audit_entry
    query = select(table).order_by(table.c.number.desc()).limit(limit)
    for column, wanted in ((table.c.subject, subject), (table.c.actor, actor), (table.c.action, action)):
        if wanted is not None:
            query = query.where(column == wanted)
    if before is not None:
        query = query.where(table.c.number < before)
    return tuple(map(_entry, connection.execute(query)))


def _entry(row: Row[tuple[object, ...]]) -> AuditEntry:
    return AuditEntry(**{column.name: getattr(row, column.name) for column in audit_entry.c})
