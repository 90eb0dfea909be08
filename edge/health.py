"""Whether the meters answer between interval edges: asked every minute, kept in memory, never journaled.

What is known is in the state that the hub gets, as numbers, and in a file on the runtime directory (a RAM disk) for
whoever looks at the device. It is a hint for people and no evidence: only polls at interval edges are.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge.metering.outcome import Failed
from edge.metering.schedule import next_edge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from edge.metering.outcome import PollOutcome

LOOKS_KEPT = 60
"""Of each meter the newest looks are remembered: an hour, at one a minute."""
ROOM_MS_MIN = 5_000
"""A look begins at least so long before the next interval edge, and twice as long as the slowest look of late took."""
HEALTH_NAME = "health.json"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class MeterHealth:
    """The newest looks at one meter, oldest first: None where it answered, else the cause; `counts` are its newest."""

    looked_at: int = 0
    looks: deque[str | None] = field(default_factory=lambda: deque(maxlen=LOOKS_KEPT))
    counts: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_silent(self) -> bool:
        """Whether it gave nothing when it was asked last."""
        return bool(self.looks) and self.looks[-1] is not None

    @property
    def failures(self) -> int:
        """How many of the looks that are remembered it did not answer."""
        return sum(cause is not None for cause in self.looks)


class HealthWatch:
    """When to look, and what the looks gave. `interval_ms` 0 means never; `folder` is where the file goes, if any."""

    def __init__(self, interval_ms: int, folder: Path | None = None) -> None:
        self.meters: dict[int, MeterHealth] = {}
        self._interval_ms = interval_ms
        self._folder = folder
        self._slowest_ms = 0

    def next_look(self, now_ms: int, edge_ms: int) -> int | None:
        """Return when to look next (UTC ms), None if that is too near the next interval edge `edge_ms`."""
        if not self._interval_ms:
            return None
        look_at = next_edge(now_ms + 1, self._interval_ms)
        if self.has_room(look_at, edge_ms):
            return look_at
        # What was slow once need not be so for ever: some day it is tried again.
        self._slowest_ms //= 2
        return None

    def has_room(self, at_ms: int, edge_ms: int) -> bool:
        """Return whether a look that begins now will surely be over at the next interval edge."""
        return at_ms + max(ROOM_MS_MIN, 2 * self._slowest_ms) <= edge_ms

    def take(self, outcomes: Iterable[PollOutcome], took_ms: int) -> None:
        """Remember what a look gave that took so long."""
        self._slowest_ms = max(self._slowest_ms, took_ms)
        for outcome in outcomes:
            meter = self.meters.setdefault(outcome.meter, MeterHealth())
            meter.looked_at = outcome.read_at
            if isinstance(outcome.result, Failed):
                meter.looks.append(outcome.result.cause)
            else:
                meter.looks.append(None)
                meter.counts = outcome.result.counts
        self._publish()

    def numbers(self) -> dict[str, int]:
        """Return what the state says of it."""
        if not self._interval_ms:
            return {}
        meters = self.meters.values()
        return {
            "meters_silent": sum(meter.is_silent for meter in meters),
            "polls_failed": sum(meter.failures for meter in meters),
        }

    def _publish(self) -> None:
        if self._folder is None:
            return
        content = {
            str(number): {
                "looked_at": meter.looked_at,
                "cause": meter.looks[-1],
                "failures": meter.failures,
                "looks": len(meter.looks),
                "counts": meter.counts,
            }
            for number, meter in sorted(self.meters.items())
        }
        draft = self._folder / f"{HEALTH_NAME}.new"
        try:
            draft.write_text(json.dumps(content), encoding="utf-8")
            draft.replace(self._folder / HEALTH_NAME)
        except OSError as error:
            _log.debug("the meters' health is not shown in %s: %s", self._folder, error)
