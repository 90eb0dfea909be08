"""Instants as text: RFC 3339 in UTC, and back."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.errors import InputError

_WRITABLE_FROM_MS = -62_135_596_800_000
_WRITABLE_UNTIL_MS = 253_402_300_800_000
_YEARS = range(2, 9999)
"""Those of which every instant has a date in every time zone."""


def format_instant(at_ms: int) -> str:
    """Return the instant (UTC ms) as RFC 3339 with `Z`; milliseconds appear only where there are any.

    Before the year 1 and after 9999, where RFC 3339 ends, it is the number of milliseconds since 1970.
    """
    if not _WRITABLE_FROM_MS <= at_ms < _WRITABLE_UNTIL_MS:
        return f"{at_ms} ms after 1970-01-01T00:00:00Z"
    seconds, milliseconds = divmod(at_ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{milliseconds:03d}Z" if milliseconds else f"{text}Z"


def to_instant(moment: datetime) -> int:
    """Return an aware datetime as UTC ms, exactly."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def parse_instant(text: str) -> int:
    """Return the RFC 3339 instant as UTC ms; raises InputError for anything else, also without a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r:.60} is not an instant: write it as RFC 3339, for example 2016-07-01T04:00:00Z"
        raise InputError(message) from error
    if moment.tzinfo is None:
        message = f"{text!r:.60} has no time zone: end it with Z, for example 2016-07-01T04:00:00Z"
        raise InputError(message)
    check_year(moment, text)
    return to_instant(moment)


def check_year(moment: datetime, text: str) -> None:
    """Raise InputError for a time, as `text` writes it, that has no date in some time zone."""
    if moment.year not in _YEARS:
        message = f"{text!r:.60} is beyond the calendar: write a year from {_YEARS[0]} to {_YEARS[-1]}"
        raise InputError(message)
