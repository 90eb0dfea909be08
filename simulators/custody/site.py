"""What the parts of one simulation share, and what a device draws by lot."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.custody import DeskTerms
    from edge.journal import Author
    from simulators.custody.broker import Broker
    from simulators.custody.events import Events
    from simulators.custody.ledger import Ledger
    from simulators.custody.meters import SteadyMeter


@dataclass(frozen=True, slots=True)
class Site:
    """Time, carrier, truth, and the identity, terms and meters of all devices (a clone has them too)."""

    events: Events
    broker: Broker
    ledger: Ledger
    author: Author
    terms: DeskTerms
    meters: Sequence[SteadyMeter]


class DeviceChance:
    """The randomness of a device's operating system; the copy of a card takes a copy of that along."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def draw(self, size: int) -> bytes:
        """Return `size` bytes."""
        return self._source.randbytes(size)

    def jitter(self) -> float:
        """Return a number from 0 to 1."""
        return self._source.random()

    def copy(self) -> Self:
        """Return a twin that will draw the same from now on."""
        twin = random.Random()  # noqa: S311 - a simulation has to be repeatable
        twin.setstate(self._source.getstate())
        return type(self)(twin)
