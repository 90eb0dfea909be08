"""Check the audit log from its first entry on: whether each entry says what was sealed and follows the one before."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from hub.rules.audit_chain import find_broken
from hub.store import audit_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hub.rules.audit_chain import AuditEntry
    from hub.store.database import Database

STEP = 500
"""After how many entries progress is told."""


@dataclass(frozen=True, slots=True)
class VerifiedAudit:
    """How many entries the log has, the hash of the last (empty without any), and where it is broken, if it is."""

    entries: int
    head: str
    broken: str | None


def verify_audit(database: Database, on_progress: Callable[[int], object] = lambda _: None) -> VerifiedAudit:
    """Check the whole log; `on_progress` is told how many entries more were checked.

    Citation: `citations.AUDIT_LOG`.
    """
    with database.read() as connection:
        latest = audit_log.list_audit(connection, limit=1)
        broken = find_broken(_counted(audit_log.iterate_audit(connection), on_progress))
    entries, head = (latest[0].number, latest[0].sha256) if latest else (0, "")
    return VerifiedAudit(entries, head, broken)


def _counted(entries: Iterator[AuditEntry], on_progress: Callable[[int], object]) -> Iterator[AuditEntry]:
    while part := tuple(islice(entries, STEP)):
        yield from part
        on_progress(len(part))
