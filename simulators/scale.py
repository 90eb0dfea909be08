"""What one count of a simulated energy register is worth, and where the register wraps."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from simulators.errors import MeterSetupError

if TYPE_CHECKING:
    from edge.metering.profile import Point

_WH_PER_UNIT = {"Wh": 1, "kWh": 1_000, "MWh": 1_000_000}
_SHARK_PREFIXES = (0, 3, 6)
_SHARK_DIGITS_MIN = 5
_CAPACITY = {"u16": 1 << 16, "u32": 1 << 32, "acc32": 1 << 32, "u64": 1 << 64, "i16": 1 << 15, "i32": 1 << 31}
_CAPACITY["i64"] = 1 << 63


@dataclass(frozen=True, slots=True)
class RegisterScale:
    """One count is `wh_per_count` Wh; after `modulus` - 1 counts the register starts again at zero."""

    wh_per_count: int
    modulus: int

    def count(self, energy_wh: int) -> int:
        """Return the counts shown after `energy_wh` Wh: whole ones only, after any rollover."""
        return energy_wh // self.wh_per_count % self.modulus


def find_scale(point: Point, scale_word: int) -> RegisterScale:
    """Return the scale of an energy point whose scale source, where it has one, holds `scale_word`.

    Raises MeterSetupError for a unit that is not energy, a format word that means nothing, and counts that are not a
    whole number of watt-hours.
    """
    if point.unit not in _WH_PER_UNIT:
        message = f"point {point.name} is in {point.unit!r}, which is no energy; use {', '.join(_WH_PER_UNIT)}"
        raise MeterSetupError(message)
    wh = Fraction(point.scale) * _WH_PER_UNIT[point.unit]
    modulus = point.modulus
    source = point.scale_source
    if source is not None and source.kind == "shark-format":
        exponent, modulus_of_format = _parse_shark_format(scale_word)
        wh *= Fraction(10) ** exponent
        modulus = modulus or modulus_of_format
    elif source is not None:
        wh *= Fraction(10) ** scale_word
    if wh.denominator != 1:
        message = f"one count of {point.name} would be {wh} Wh; choose a scale of whole watt-hours"
        raise MeterSetupError(message)
    return RegisterScale(wh.numerator, modulus or _CAPACITY[point.type])


def _parse_shark_format(word: int) -> tuple[int, int]:
    """Return (power of ten from count to Wh, rollover count) of EIG's format word, bits `pppp--nn-eee-ddd`.

    `nn` stands for 5 to 8 digits, `eee` for unit, kilo or mega, `ddd` for the decimals
    (https://www.manualslib.com/manual/1330038/Electro-Industries-Shark-100.html?page=132).
    """
    digits = _SHARK_DIGITS_MIN + (word >> 8 & 0b11)
    prefix, decimals = word >> 4 & 0b111, word & 0b111
    if prefix not in _SHARK_PREFIXES:
        message = f"format word {word:#06x} has no unit; its energy scale must be 0, 3 or 6, not {prefix}"
        raise MeterSetupError(message)
    return prefix - decimals, 10**digits
