"""What goes wrong when, drawn from a seed: every fault is an action on the world at an instant of the safety phase."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

HOUR_MS = 3_600_000


class Fault(StrEnum):
    """One kind of thing that goes wrong; the messages' own troubles are the broker's `Weather`."""

    PARTITION = "partition"
    SESSION_DROPPED = "session dropped"
    BROKER_FORGETS = "broker forgets"
    HUB_DOWN = "hub down"
    HUB_RESTORED = "hub restored"
    PROGRAM_KILLED = "program killed"
    CARD_ROLLED_BACK = "card rolled back"
    CARD_LOST = "card lost"
    CARD_CLONED = "card cloned"
    BLOCK_POISONED = "block poisoned"
    BLOCK_ROTTEN = "block rotten"


LINK = {
    Fault.PARTITION: (1, 4),
    Fault.SESSION_DROPPED: (2, 8),
    Fault.BROKER_FORGETS: (1, 3),
    Fault.HUB_DOWN: (1, 4),
    Fault.HUB_RESTORED: (1, 5),
    Fault.PROGRAM_KILLED: (2, 8),
    Fault.BLOCK_POISONED: (0, 2),
}
CARDS = {Fault.CARD_ROLLED_BACK: (0, 3), Fault.CARD_LOST: (0, 2), Fault.BLOCK_ROTTEN: (0, 2)}
CLONES = {Fault.CARD_CLONED: (1, 1)}
MIXES = (LINK, LINK | CLONES, LINK | CARDS, LINK | CARDS | CLONES)
"""How often each fault comes in a run, at least and at most. Seeds take turns with the mixes."""

AFTERSHOCKS = frozenset({Fault.CARD_ROLLED_BACK, Fault.CARD_CLONED, Fault.BLOCK_ROTTEN, Fault.BLOCK_POISONED})
"""After these the log may fork; a hub that is restored soon after finds out who let go of what too early."""
AFTERSHOCK_SHARE = 0.5
AFTERSHOCK_MS = (HOUR_MS // 4, 12 * HOUR_MS)


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """A fault and when it strikes."""

    at_ms: int
    fault: Fault


def plan_faults(seed: int, chance: random.Random, start_ms: int, end_ms: int) -> list[Planned]:
    """Return what goes wrong between two instants, in order."""
    planned: list[Planned] = []
    for fault, (least, most) in MIXES[seed % len(MIXES)].items():
        for _ in range(chance.randint(least, most)):
            at_ms = chance.randrange(start_ms, end_ms)
            planned.append(Planned(at_ms, fault))
            if fault in AFTERSHOCKS and chance.random() < AFTERSHOCK_SHARE:
                planned.append(Planned(min(at_ms + chance.randint(*AFTERSHOCK_MS), end_ms), Fault.HUB_RESTORED))
    return sorted(planned)
