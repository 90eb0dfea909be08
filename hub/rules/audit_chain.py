"""The audit log as a chain: each entry is sealed over what it says and over the entry before it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.closing import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_ENTRY = "0" * 64
"""What stands for the entry before the first."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what, when (UTC ms) and why; `before` and `after` are canonical JSON of what changed.

    `previous` is the SHA-256 of the entry before it, `sha256` its own.
    """

    number: int
    at: int
    actor: str
    action: str
    subject: str
    before: str
    after: str
    reason: str
    previous: str
    sha256: str


def seal_entry(entry: AuditEntry) -> str:
    """Return the SHA-256 over what an entry says and the hash of the one before it. Citation: `citations.AUDIT_LOG`."""
    said = {
        "number": entry.number,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "before": entry.before,
        "after": entry.after,
        "reason": entry.reason,
        "previous": entry.previous,
    }
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def find_broken(entries: Iterable[AuditEntry]) -> str | None:
    """Return in a sentence where a log that is whole from its first entry on is broken, None if it is not.

    Citation: `citations.AUDIT_LOG`.
    """
    previous = NO_ENTRY
    for number, entry in enumerate(entries, 1):
        if entry.number != number:
            return f"entry {number} is missing: entry {entry.number} follows entry {number - 1}"
        if entry.previous != previous:
            return f"entry {number} does not follow entry {number - 1} as it is kept: one of them was changed"
        if seal_entry(entry) != entry.sha256:
            return f"entry {number} does not say what was sealed: it was changed"
        previous = entry.sha256
    return None
