"""The hub's only reader of time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Now = Callable[[], int]
    """Returns this moment as UTC milliseconds."""


def now_ms() -> int:
    """Return this moment in milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def monotonic_seconds() -> float:
    """Return seconds that only ever grow, for waits and rate limits."""
    return time.monotonic()


def pause_seconds(seconds: float) -> None:
    """Wait in this thread."""
    time.sleep(seconds)
