"""Whether the meters answer, also between interval edges: asked every minute, kept in memory, never journaled.

What is known is in the state that the hub gets, as numbers, and in a file on the runtime directory (a RAM disk) for
whoever looks at the device, with what happened on each bus. It is a hint for people and no evidence: only polls at
interval edges are.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.metering.outcome import Failed
from edge.metering.schedule import next_edge
from edge.metering.tally import BusTally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from edge.metering.outcome import PollOutcome

LOOKS_KEPT = 60
"""Of each meter the newest looks are remembered, polls at interval edges among them: an hour, at one a minute."""
ROOM_MS_MIN = 5_000
"""A look begins at least so long before the next interval edge, and twice as long as the slowest look of late took."""
HEALTH_NAME = "health.json"
RUNTIME_VARIABLE = "RUNTIME_DIRECTORY"
SERVICE_FOLDER = Path("/run/meter-edge")
"""The runtime directory of the service, which systemd names to nobody but the service itself."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class MeterHealth:
    """The newest looks at one meter, oldest first: None where it answered, else the cause.

    `counts` are its newest, `power_w` the primary power read with them, in W and without a sign, if that was read.
    `note` is the sentence of the newest failure, empty while it answers.
    """

    looked_at: int = 0
    looks: deque[str | None] = field(default_factory=lambda: deque(maxlen=LOOKS_KEPT))
    counts: Mapping[int, int] = field(default_factory=dict)
    power_w: int | None = None
    note: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether it gave nothing when it was asked last."""
        return bool(self.looks) and self.looks[-1] is not None

    @property
    def failures(self) -> int:
        """How many of the looks that are remembered it did not answer."""
        return sum(cause is not None for cause in self.looks)

    def summary(self) -> LookSummary:
        """Return what is shown of it; it must have been looked at."""
        return LookSummary(
            self.looked_at, self.looks[-1], self.note, self.failures, len(self.looks), self.counts, self.power_w
        )


@dataclass(frozen=True, slots=True)
class LookSummary:
    """The looks at one meter: the newest at `looked_at` (UTC ms), and how many of the newest `looks` were failures.

    `cause` and `note` are the newest look's, None and empty where the meter answered; `counts` and `power_w` are what
    it showed when it answered last.
    """

    looked_at: int
    cause: str | None
    note: str
    failures: int
    looks: int
    counts: Mapping[int, int]
    power_w: int | None


@dataclass(frozen=True, slots=True)
class Health:
    """What a running agent shows: looks by meter number, and what happened on each bus since it started, by name."""

    meters: Mapping[int, LookSummary]
    buses: Mapping[str, BusTally]


class HealthWatch:
    """When to look, and what the looks gave. `interval_ms` 0 means never.

    `device` is whose health it is, `tallies` what happened on its buses so far, by name, and `folder` where the file
    goes, if any.
    """

    def __init__(
        self,
        interval_ms: int,
        folder: Path | None = None,
        device: str = "",
        tallies: Callable[[], Mapping[str, BusTally]] = dict,
    ) -> None:
        self.meters: dict[int, MeterHealth] = {}
        self._interval_ms = interval_ms
        self._folder = folder
        self._device = device
        self._tallies = tallies
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

    def take(self, outcomes: Iterable[PollOutcome], took_ms: int = 0) -> None:
        """Remember what a look gave that took so long, or a cycle at an interval edge, and write the file anew."""
        self._slowest_ms = max(self._slowest_ms, took_ms)
        for outcome in outcomes:
            meter, result = self.meters.setdefault(outcome.meter, MeterHealth()), outcome.result
            meter.looked_at = outcome.read_at
            if isinstance(result, Failed):
                meter.looks.append(result.cause)
                meter.note = result.note
                continue
            meter.looks.append(None)
            meter.note, meter.counts, power_w = "", result.counts, result.beside.power_w
            meter.power_w = None if power_w is None else round(power_w * Fraction(*result.descriptor.ratio))
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
            "device": self._device,
            "meters": {str(number): asdict(meter.summary()) for number, meter in sorted(self.meters.items())},
            "buses": {name: spell_tally(tally) for name, tally in self._tallies().items()},
        }
        draft = self._folder / f"{HEALTH_NAME}.new"
        try:
            draft.write_text(json.dumps(content), encoding="utf-8")
            draft.replace(self._folder / HEALTH_NAME)
        except OSError as error:
            _log.debug("the meters' health is not shown in %s: %s", self._folder, error)


def spell_tally(tally: BusTally) -> dict[str, object]:
    """Return all that a tally says, for machines."""
    return asdict(tally) | {"quality_permille": tally.quality_permille, "delay_ms_mean": tally.delay_ms_mean}


def read_health(folder: Path, device: str) -> Health | None:
    """Return what the running agent of `device` shows in `folder`, None if nothing of it can be read there."""
    try:
        content = json.loads((folder / HEALTH_NAME).read_text(encoding="utf-8"))
        if content["device"] != device:
            return None
        return Health(
            meters={int(number): _read_look(meter) for number, meter in content["meters"].items()},
            buses={
                name: BusTally(**{each.name: tally[each.name] for each in fields(BusTally)})
                for name, tally in content["buses"].items()
            },
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        # Of an agent of another version, or of nobody: a hint that cannot be understood is none.
        return None


def _read_look(look: dict[str, Any]) -> LookSummary:
    return LookSummary(**look | {"counts": {int(number): count for number, count in look["counts"].items()}})


def runtime_folder(environment: Mapping[str, str]) -> Path | None:
    """Return where the agent in this environment shows its health, None if nobody gave it a runtime directory."""
    # systemd separates several directories by colons; ours is the first.
    folder = environment.get(RUNTIME_VARIABLE, "").split(":")[0]
    return Path(folder) if folder else None
