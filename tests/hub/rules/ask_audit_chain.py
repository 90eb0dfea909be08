"""Cases of the audit log's chain: what is found when somebody changes, removes or puts in an entry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hub.rules.audit_chain import NO_ENTRY, AuditEntry, find_broken, seal_entry
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


def make_chain(length: int) -> list[AuditEntry]:
    """Return a log of so many entries."""
    chain: list[AuditEntry] = []
    previous = NO_ENTRY
    for number in range(1, length + 1):
        entry = AuditEntry(number, number, "ann", "close_month", "2024-01", "null", "null", "", previous, "")
        chain.append(replace(entry, sha256=seal_entry(entry)))
        previous = chain[-1].sha256
    return chain


@asks("audit-chain")
def ask_chain(given: Mapping[str, Any]) -> dict[str, object]:
    """Return what is found of a log of five entries after something was done to it."""
    chain = make_chain(5)
    match given["done"]:
        case "changed":
            chain[2] = replace(chain[2], actor="bea")
        case "changed and sealed again":
            changed = replace(chain[2], actor="bea")
            chain[2] = replace(changed, sha256=seal_entry(changed))
        case "removed":
            del chain[2]
        case "cut off":
            del chain[3:]
    found = find_broken(chain)
    return {"found": found} if found else {"whole": True}
