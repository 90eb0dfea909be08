"""What one count of a simulated energy register is worth, and where the register wraps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from simulators.errors import MeterSetupError
from simulators.words import integer_range, is_float, round_float

if TYPE_CHECKING:
    from edge.metering.profile import Point, PointType, ScaleKind

DEFAULT_SCALE_WORDS: dict[ScaleKind, int] = {"power-of-ten": 0, "shark-format": 0x3332, "dent-scalar": 3}
"""What a scale source holds unless told otherwise: units of one, 0.01 kWh with 8 digits, tenths."""
_WH_PER_UNIT = {"Wh": 1, "kWh": 1_000, "MWh": 1_000_000}
_SHARK_PREFIXES = (0, 3, 6)
_SHARK_DIGITS_MIN = 5
_DENT_EXPONENTS = (-4, -3, -2, -1, 0, 1, 2)
_MANTISSA_BITS = {"f32": 24, "f64": 53}


@dataclass(frozen=True, slots=True)
class RegisterScale:
    """One count is `wh_per_count` Wh; after `modulus` counts the register starts again at zero.

    An integer register shows the whole counts, one of a float `kind` the number nearest to the exact counts.
    """

    wh_per_count: Fraction
    modulus: int
    kind: PointType = "u32"

    def count(self, energy_wh: int) -> int | float:
        """Return the counts shown after `energy_wh` Wh, after any rollover."""
        exact = Fraction(energy_wh) / self.wh_per_count % self.modulus
        return round_float(exact, self.kind) if is_float(self.kind) else math.floor(exact)

    def shown_wh(self, energy_wh: int, sign: int = 1) -> int:
        """Return what a register with `sign` in front shows after `energy_wh` Wh as whole Wh, rounded down."""
        return math.floor(sign * Fraction(self.count(energy_wh)) * self.wh_per_count)

    def step_wh(self, energy_wh: int) -> int:
        """Return the Wh, rounded up, from what is shown after `energy_wh` Wh to the next larger number."""
        if not is_float(self.kind):
            return math.ceil(self.wh_per_count)
        _, exponent = math.frexp(self.count(energy_wh))
        return math.ceil(Fraction(2) ** (exponent - _MANTISSA_BITS[self.kind]) * self.wh_per_count)

    @property
    def step_wh_max(self) -> int:
        """The largest `step_wh` of the register, just before it wraps."""
        return self.step_wh(math.ceil(self.modulus * self.wh_per_count) - 1)


def find_scale(point: Point, scale_word: int) -> RegisterScale:
    """Return the scale of an energy point whose scale source, where it has one, holds `scale_word`.

    Raises MeterSetupError for a unit that is not energy and a scale word that means nothing.
    """
    if point.unit not in _WH_PER_UNIT:
        message = f"point {point.name} is in {point.unit!r}, which is no energy; use {', '.join(_WH_PER_UNIT)}"
        raise MeterSetupError(message)
    exponent, modulus = read_scale(point.scale_source.kind, scale_word) if point.scale_source is not None else (0, None)
    return RegisterScale(
        wh_per_count=Fraction(point.scale) * _WH_PER_UNIT[point.unit] * Fraction(10) ** exponent,
        modulus=point.modulus or modulus or integer_range(point)[1] + 1,
        kind=point.type,
    )


def read_scale(kind: ScaleKind, word: int) -> tuple[int, int | None]:
    """Return the power of ten that a scale word of this kind means, and the rollover count where it says one.

    `dent-scalar` counts up from a ten-thousandth (DENT PowerScout, register 44602); a power of ten is given as it is,
    negative or as its word. Raises MeterSetupError for a word that means nothing.
    """
    if kind == "shark-format":
        return _read_shark_format(word)
    if kind == "power-of-ten":
        return (word - 0x10000 if word >= 1 << 15 else word), None
    if word not in range(len(_DENT_EXPONENTS)):
        message = f"data scalar {word} means nothing; use 0 to {len(_DENT_EXPONENTS) - 1}"
        raise MeterSetupError(message)
    return _DENT_EXPONENTS[word], None


def _read_shark_format(word: int) -> tuple[int, int]:
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
