"""Long work by the clock in pieces, between which the process is left to its pages: no page waits for all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.clock import monotonic_seconds, pause_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

REST_SECONDS_MAX = 1.0
"""A piece that waited for something itself is not waited for as long again, and the hub's end does not wait long."""


class Pace:
    """Tells between two pieces of work whether to stop, and rests first, `rest` times as long as the piece took.

    Pages answer in the interpreter that the work runs in: beside work that never rests each takes several times as
    long.
    """

    def __init__(self, is_stopping: Callable[[], bool], rest: int) -> None:
        self._is_stopping = is_stopping
        self._rest = rest
        self._began = monotonic_seconds()

    def __call__(self) -> bool:
        """Rest, and return whether to stop."""
        if not self._is_stopping():
            pause_seconds(min(REST_SECONDS_MAX, self._rest * (monotonic_seconds() - self._began)))
        self._began = monotonic_seconds()
        return self._is_stopping()
