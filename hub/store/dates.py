"""Calendar dates as they are stored: ISO 8601 texts, which order as the dates follow one another."""

from __future__ import annotations

from datetime import date


def to_text(on: date | None) -> str | None:
    """Return how a date is stored."""
    return None if on is None else on.isoformat()


def to_date(text: str | None) -> date | None:
    """Return the date that was stored."""
    return None if text is None else date.fromisoformat(text)
