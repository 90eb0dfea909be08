"""A sun for tests whose energy can be worked out in the head."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class SteadySun:
    """A sun of constant power since the epoch."""

    watts: int

    def power_w(self, at_ms: int) -> Fraction:
        """Return the power."""
        del at_ms
        return Fraction(self.watts)

    def energy_at(self, at_ms: int) -> Fraction:
        """Return the energy since the epoch in Wh."""
        return Fraction(self.watts * at_ms, 3_600_000)

    def wh_floor(self, at_ms: int, resolution_wh: int) -> int:
        """Return it rounded down."""
        return self.watts * at_ms // (3_600_000 * resolution_wh) * resolution_wh
