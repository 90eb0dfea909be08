"""Read what leads the fleet page while a window is open and in the days before: what will be missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.fleet.standing import Standing
from hub.rules.windows import next_window, window_at
from hub.store import board
from hub.store.board import Count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from hub.rules.windows import ReportingWindow

_DAY_MS = 86_400_000
DAYS_BEFORE = 5
"""So long before a window opens somebody can still see to a device that will lack its reading."""
_LACKING = (Standing.AT_RISK, Standing.HELD, Standing.WAITING, Standing.READY)


@dataclass(frozen=True, slots=True)
class WindowHead:
    """The head of the window board; `counts` has every standing, None before the hub looked at the open window."""

    window: ReportingWindow
    is_open: bool
    counts: Mapping[Standing, Count] | None

    @property
    def lacking(self) -> int:
        """How many systems lack their reading."""
        return sum(self.counts[one].systems for one in _LACKING) if self.counts else 0

    @property
    def lacking_wh(self) -> int:
        """What these should make in the month (Wh)."""
        return sum(self.counts[one].expected_wh for one in _LACKING) if self.counts else 0


def read_window_head(connection: Connection, now: int) -> WindowHead | None:
    """Return the window that is open at `now` (UTC ms) or opens within five days; None where neither is so."""
    window = window_at(now)
    if window is None:
        following = next_window(now)
        return (
            WindowHead(following, is_open=False, counts=None)
            if following.opens_at - now <= DAYS_BEFORE * _DAY_MS
            else None
        )
    looked = board.find_look(connection)
    if looked is None or looked.month != window.month:
        return WindowHead(window, is_open=True, counts=None)
    found = board.count_lines(connection)
    return WindowHead(window, is_open=True, counts={one: found.get(one, Count()) for one in Standing})
