"""From a raw register count to exact watt-hours, and back to what one count is worth.

The descriptor of a meter travels in the chain (`protocol.messages.Register`); the hub alone applies it. Where a
scale gives fractions of a Wh, the value is floored once and the raw count is kept beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from protocol.counts import read_count

if TYPE_CHECKING:
    from collections.abc import Sequence

GENERATED_OBIS = "1-0:2.8.0"
WATT_HOUR = "Wh"
_WH_BITS = 63
_AS_COUNTED = (0, (1, 1), 1)


@dataclass(frozen=True, slots=True)
class Scale:
    """How to read a register's count: everything a descriptor says of it that bears on its value.

    value = sign x count x 10**exponent `unit` x ratio, where count is the raw pattern read as `kind` (`u`, `s`, `f`).
    `rollover_counts` is the magnitude at which the accumulator wraps to zero, 0 where the descriptor names none.
    """

    unit: str
    exponent: int
    width_bits: int
    kind: str
    sign: int
    rollover_counts: int
    ratio: tuple[int, int]

    @property
    def wh_per_count(self) -> Fraction:
        """What one count is worth in Wh, exactly."""
        numerator, denominator = self.ratio
        return Fraction(numerator, denominator) * Fraction(10) ** self.exponent

    @property
    def resolution_wh(self) -> int:
        """The smallest step that a reading can show, in whole Wh and at least 1."""
        return max(1, math.ceil(self.wh_per_count))

    @property
    def modulus_wh(self) -> int | None:
        """The energy in Wh after which the register starts again, or None where it is not stated or not whole."""
        modulus = self.rollover_counts * self.wh_per_count
        return int(modulus) if modulus > 0 and modulus.denominator == 1 else None


def energy_wh(raw: int, scale: Scale) -> int | None:
    """Return the register's energy in whole Wh, floored, or None where the count has no energy in it.

    None stands for a unit other than Wh, a float that is not a number, a pattern wider than the register, and a value
    that does not fit 63 bits. Citation: exact integer energy is this project's own rule; the register's meaning is
    OBIS 1-0:2.8.0 of IEC 62056-6-1.
    """
    count = read_count(raw, scale.width_bits, scale.kind)
    if count is None or scale.unit != WATT_HOUR:
        return None
    numerator, denominator = scale.ratio
    shift = 10 ** abs(scale.exponent)
    if scale.exponent >= 0:
        energy = math.floor(scale.sign * count * numerator * shift // denominator)
    else:
        energy = math.floor(scale.sign * count * numerator // (denominator * shift))
    return energy if -(1 << _WH_BITS) <= energy < 1 << _WH_BITS else None


def energies_wh(counts: Sequence[int], scale: Scale) -> list[int | None]:
    """Return `energy_wh` of each of these counts of one register. Citation: as there."""
    # Most registers count whole Wh without a sign: then a count that fits is its energy.
    is_plain = (
        scale.kind == "u" and scale.unit == WATT_HOUR and (scale.exponent, scale.ratio, scale.sign) == _AS_COUNTED
    )
    if is_plain and counts and not max(counts) >> min(scale.width_bits, _WH_BITS) and min(counts) >= 0:
        return list(counts)
    return [energy_wh(count, scale) for count in counts]


def is_generated(obis: str) -> bool:
    """Return whether a register counts generated energy, seen from the generator. Citation: IEC 62056-6-1, 2.8.0."""
    return obis == GENERATED_OBIS
