"""Instants and stretches of time as people read them, without asking any clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_WRITABLE_UNTIL_MS = 253_402_300_800_000


def utc(at_ms: int) -> str:
    """Return an instant (ms since 1970-01-01 UTC) as RFC 3339; milliseconds only where there are any.

    After the year 9999, where RFC 3339 ends, it is the number of milliseconds.
    """
    if not 0 <= at_ms < _WRITABLE_UNTIL_MS:
        return f"{at_ms} ms after 1970-01-01T00:00:00Z"
    moment = _BEGINNING + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds").replace("+00:00", "Z")
