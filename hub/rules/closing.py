"""How a month comes to an end: open, provisional, closed, amended; and the hash by which a closed number is known."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.rules.periods import ProductionMonth

RULES_VERSION = "2026.11"
"""Stands beside every number. It changes when a rule gives another number for the same readings than it did before."""


class RunKind(StrEnum):
    """How binding a going over a month is.

    PROVISIONAL may be made at any time and binds nobody. CLOSE fixes the month. AMEND adds versions of some systems'
    closed months, with a reason.
    """

    PROVISIONAL = "provisional"
    CLOSE = "close"
    AMEND = "amend"


class MonthState(StrEnum):
    """What a month is, from the runs there were."""

    OPEN = "open"
    PROVISIONAL = "provisional"
    CLOSED = "closed"
    AMENDED = "amended"


_AFTER = {
    RunKind.PROVISIONAL: MonthState.PROVISIONAL,
    RunKind.CLOSE: MonthState.CLOSED,
    RunKind.AMEND: MonthState.AMENDED,
}
_BINDING = frozenset({MonthState.CLOSED, MonthState.AMENDED})


def month_state(runs: Iterable[RunKind]) -> MonthState:
    """Return what a month is after these runs, in their order. Citation: `citations.MONTH_CLOSE`."""
    state = MonthState.OPEN
    for kind in runs:
        state = _AFTER[kind]
    return state


def is_binding(state: MonthState) -> bool:
    """Return whether the numbers of a month in this state change by amendment only.

    Citation: `citations.MONTH_CLOSE`.
    """
    return state in _BINDING


def refuse_run(kind: RunKind, state: MonthState, month: ProductionMonth, closes_at: int, now: int) -> str | None:
    """Return why a month in this state cannot be run so at `now` (UTC ms), None if it can.

    `closes_at` is when the window in which it is reported closes: before that nobody knows all of it.
    Citation: `citations.MONTH_CLOSE`.
    """
    match kind:
        case RunKind.AMEND if not is_binding(state):
            return f"{month} is {state} and not closed: close it, there is nothing to amend"
        case RunKind.PROVISIONAL if is_binding(state):
            return f"{month} is {state}: its numbers change by an amendment only, which names its reason"
        case RunKind.CLOSE if is_binding(state):
            return f"{month} is {state} already: amend it where a number has to change"
        case RunKind.CLOSE if now < closes_at:
            return (
                f"{month} can be reported until {format_instant(closes_at)}: close it after that, or look at it now "
                "with a provisional run"
            )
    return None


def canonical(value: object) -> str:
    """Return the one JSON text of a value of strings, integers, booleans, None, lists and maps."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def seal_content(content: Mapping[str, object]) -> str:
    """Return the SHA-256 (hexadecimal) over what is said of a system's month.

    Citation: `citations.MONTH_CLOSE`.
    """
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def seal_run(hashes: Sequence[str]) -> str:
    """Return the SHA-256 over the hashes of all systems' months that a run found, by system and month.

    Citation: `citations.MONTH_CLOSE`.
    """
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
