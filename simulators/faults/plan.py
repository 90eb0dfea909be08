"""What goes wrong when: a plan of faults, drawn from a seed, that can be printed, read and played again."""

from __future__ import annotations

import json
import random
from bisect import bisect_right
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Self

from simulators.errors import SimulatorError
from simulators.faults.kinds import ADAPTER_KINDS, FaultKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

MINUTE_MS = 60_000
SPAN_MS_MIN = 16 * MINUTE_MS
"""A drawn fault lasts longer than an interval, so that no poll schedule of 15 minutes passes it by."""
SPAN_MS_MAX = 6 * 60 * MINUTE_MS
MACHINE = "machine"
"""The target of a fault of the machine's clock."""

_AMOUNTS: dict[FaultKind, Sequence[int]] = {
    FaultKind.LATE_REPLY: range(1_100, 3_500),
    FaultKind.SLOW_METER: range(100, 800),
    FaultKind.WRONG_UNIT: range(1, 9),
    FaultKind.CRC_ERROR: range(4),
    FaultKind.NOISE: range(0x100),
    FaultKind.TRUNCATED: range(1, 6),
    FaultKind.GLUED: range(8),
    FaultKind.SECOND_MASTER: range(0, 8_000, 100),
    FaultKind.ROLLBACK: range(1, 60),
    FaultKind.EXCHANGE: range(0, 5_000_000, 100),
    FaultKind.CT_CHANGE: (50, 200),
    FaultKind.CLOCK_STEP: (-86_400_000, -3_600_000, -61_000, 61_000, 3_600_000, 86_400_000),
}
_SERIAL_ONLY = ADAPTER_KINDS | {FaultKind.CRC_ERROR, FaultKind.NOISE, FaultKind.ECHO, FaultKind.SECOND_MASTER}
"""What cannot happen on a network: its frames have no check sum of Modbus's and one connection has two ends."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of `target` (a meter's name, a bus's, or `MACHINE`) from `from_ms` until before `until_ms`, UTC ms.

    What `amount` means, `FaultKind` says.
    """

    kind: FaultKind
    target: str
    from_ms: int
    until_ms: int
    amount: int = 0


class Timeline:
    """Faults of one target by time. It is asked at every exchange, so it never looks at those that are long over."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults = tuple(sorted(faults, key=lambda fault: fault.from_ms))
        self._starts = tuple(fault.from_ms for fault in self._faults)
        self._all_over = tuple(accumulate((fault.until_ms for fault in self._faults), max))

    def active(self, at_ms: int) -> Fault | None:
        """Return the fault that is going on at `at_ms` (UTC ms); of several the one that began last."""
        index = bisect_right(self._starts, at_ms) - 1
        while index >= 0 and self._all_over[index] > at_ms:
            if self._faults[index].until_ms > at_ms:
                return self._faults[index]
            index -= 1
        return None


@dataclass(frozen=True, slots=True)
class Target:
    """A meter that can fail, the bus it is on, and whether that is a serial line: with check sums and an adapter."""

    meter: str
    bus: str
    is_serial: bool


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """All faults of a run, in the order of their beginnings, and the seed they were drawn from."""

    seed: int
    faults: tuple[Fault, ...]

    def of(self, target: str, kinds: Collection[FaultKind]) -> Iterator[Fault]:
        """Yield the target's faults of these kinds, in order."""
        return (fault for fault in self.faults if fault.target == target and fault.kind in kinds)

    def timeline(self, target: str, kinds: Collection[FaultKind]) -> Timeline:
        """Return the target's faults of these kinds, to be asked by time."""
        return Timeline(self.of(target, kinds))

    def to_json(self) -> str:
        """Return the plan as JSON, one fault to a line."""
        faults = ",\n".join(json.dumps(asdict(fault)) for fault in self.faults)
        return f'{{"seed": {self.seed}, "faults": [\n{faults}\n]}}\n'

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the plan that `to_json` wrote. Raises SimulatorError for anything else."""
        try:
            content = json.loads(text)
            faults = tuple(Fault(**{**fault, "kind": FaultKind(fault["kind"])}) for fault in content["faults"])
            return cls(int(content["seed"]), faults)
        except (KeyError, TypeError, ValueError) as error:
            message = f"this is no plan of faults ({error}); give what a plan's to_json wrote"
            raise SimulatorError(message) from error


def draw_plan(seed: int, targets: Sequence[Target], from_ms: int, to_ms: int, *, rounds: int = 1) -> FaultPlan:
    """Return a plan in which every kind of fault comes once in each of `rounds`, one after the other, in random order.

    Faults do not overlap, so that each shows what it alone does, and all are over by `to_ms` (UTC ms). Only one
    register rolls over, first of all, before anything else can touch it. Raises SimulatorError if the time is too
    short, or if no target is on a serial line.
    """
    chance = random.Random(seed)  # noqa: S311 - faults are no secrets
    others = [kind for kind in FaultKind if kind is not FaultKind.ROLLOVER]
    kinds = [FaultKind.ROLLOVER]
    for _ in range(rounds):
        kinds += chance.sample(others, len(others))
    slot_ms = (to_ms - from_ms) // len(kinds)
    if slot_ms < 2 * SPAN_MS_MIN or not any(target.is_serial for target in targets):
        message = (
            f"{len(kinds)} faults need {2 * SPAN_MS_MIN * len(kinds)} ms and a meter on a serial line; "
            "give more time or fewer rounds, and such a meter"
        )
        raise SimulatorError(message)
    slots = (range(from_ms + number * slot_ms, from_ms + (number + 1) * slot_ms) for number in range(len(kinds)))
    faults = (_draw(chance, kind, targets, slot) for kind, slot in zip(kinds, slots, strict=True))
    return FaultPlan(seed, tuple(faults))


def _draw(chance: random.Random, kind: FaultKind, targets: Sequence[Target], slot: range) -> Fault:
    """Return a fault of this kind that begins in the first half of its slot and is over before the slot is."""
    length_ms = chance.randrange(SPAN_MS_MIN, min(SPAN_MS_MAX, len(slot) // 2) + 1)
    from_ms = slot.start + chance.randrange(len(slot) // 2)
    target = chance.choice([target for target in targets if target.is_serial or kind not in _SERIAL_ONLY])
    name = target.meter
    if kind is FaultKind.CLOCK_STEP:
        name = MACHINE
    elif kind in ADAPTER_KINDS:
        name = target.bus
    return Fault(kind, name, from_ms, from_ms + length_ms, chance.choice(_AMOUNTS.get(kind, (0,))))
