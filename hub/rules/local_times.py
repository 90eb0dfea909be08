"""Times as people read them off a clock in Massachusetts, and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hub.errors import InputError
from hub.rules.instants import check_year, parse_instant, to_instant
from hub.rules.periods import REGULATOR_ZONE

_HAS_OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})$", re.IGNORECASE)


def parse_local(text: str) -> int:
    """Return the instant (UTC ms) of a time in Massachusetts, `2024-01-31 17:30`, or of one with its offset from UTC.

    Raises InputError for anything else, for a time that the clocks skipped in spring, and for one that they showed
    twice in autumn, unless its offset says which is meant. Citation: `citations.READING_TIME`.
    """
    stripped = text.strip()
    if _HAS_OFFSET.search(stripped):
        return parse_instant(stripped)
    try:
        local = datetime.fromisoformat(stripped)
    except ValueError as error:
        message = f"{text!r:.60} is not a date and time: write it as the clock showed it, such as 2024-01-31 17:30"
        raise InputError(message) from error
    check_year(local, stripped)
    first, second = (local.replace(tzinfo=REGULATOR_ZONE, fold=fold) for fold in (0, 1))
    back = first.astimezone(UTC).astimezone(REGULATOR_ZONE)
    if back.replace(tzinfo=None) != local:
        message = f"{stripped} never was: the clocks went forward over it; write the time that they showed"
        raise InputError(message)
    if first.utcoffset() != second.utcoffset():
        message = (
            f"{stripped} was twice, as the clocks went back: add -04:00 for the first time, or -05:00 for the second"
        )
        raise InputError(message)
    return to_instant(first.astimezone(UTC))


def format_local(at_ms: int) -> str:
    """Return an instant (UTC ms) as the clocks in Massachusetts showed it, with the offset that makes it one.

    Citation: `citations.READING_TIME`.
    """
    local = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(REGULATOR_ZONE)
    return local.isoformat(sep=" ", timespec="minutes")
