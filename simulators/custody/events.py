"""The virtual clock: what happens when. Nothing takes time by itself, and nothing happens between two events."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Events:
    """Planned actions by their instant (ms); those of one instant happen in the order in which they were planned."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self._planned: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when_ms: int, action: Callable[[], None]) -> None:
        """Plan `action` for this instant, or for now if it has passed."""
        heapq.heappush(self._planned, (max(when_ms, self.now_ms), next(self._order), action))

    def after(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Plan `action` for so long after now."""
        self.at(self.now_ms + delay_ms, action)

    def run_until(self, end_ms: int) -> None:
        """Let everything happen that is planned up to `end_ms`, which is then the present."""
        while self._planned and self._planned[0][0] <= end_ms:
            self.now_ms, _, action = heapq.heappop(self._planned)
            action()
        self.now_ms = end_ms
