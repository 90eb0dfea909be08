"""What a check of the hub comes to: a name, how it stands, and one sentence for whoever has to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FREE_BYTES_MIN = 64 * 1024 * 1024
"""With less than this the hub is not ready: a batch of the longest blocks, its log and a checkpoint must still fit."""


class Standing(StrEnum):
    """How a check stands: `warn` wants attention soon, `bad` now."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `text` says what was found and, where it is not ok, what to do."""

    name: str
    standing: Standing
    text: str


def megabytes(size: int) -> str:
    """Return a number of bytes as people read it, rounded down: `512 MB`, `20 GB`."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6)):
        if size >= 10 * factor:
            return f"{size // factor:,} {unit}"
    return f"{size // 1000:,} kB"


def span(elapsed_ms: int) -> str:
    """Return a length of time in the coarsest unit that still says it: `12 min`, `30 h`, `9 days`."""
    for unit, size, until in (("s", 1000, 120), ("min", 60_000, 120), ("h", 3_600_000, 48)):
        if elapsed_ms < until * size:
            return f"{max(0, elapsed_ms) // size} {unit}"
    return f"{elapsed_ms // 86_400_000} days"
