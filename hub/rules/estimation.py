"""How the energy between two readings is divided over the months between them, when months were not reported.

No formula is published: this one is the project's own. The sum is what was measured, to the Wh; only its division is an
estimate, and is marked as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY_WEIGHTS = "day-weights/1"
"""The method, and its version: it stands beside every number that it gave."""


def divide_energy(energy_wh: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Return `energy_wh` (not negative) divided by weights of which one is positive, in whole Wh that add up to it.

    What a Wh cannot be divided into goes to the largest remainders, of equal ones to the earliest.
    Citation: `citations.ESTIMATED_MONTHS`.
    """
    total = sum(weights)
    parts = [energy_wh * weight // total for weight in weights]
    remainders = [energy_wh * weight % total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-remainders[place], place))
    for place in by_remainder[: energy_wh - sum(parts)]:
        parts[place] += 1
    return tuple(parts)
