"""What a word of the meter that scales its energy says: a power of ten, and sometimes where the register wraps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.metering.errors import DecodeError, NotAvailableError

if TYPE_CHECKING:
    from edge.metering.profile import ScaleKind

_SUNSSF_NOT_IMPLEMENTED = 0x8000
_SUNSSF_MAX = 10
_SHARK_SCALES = (0, 3, 6)
_SHARK_DECIMALS_MAX = 6
_DENT_SCALAR_MAX = 6
_DENT_SCALAR_OF_ONE = 4


@dataclass(frozen=True, slots=True)
class Scale:
    """A power of ten, and where the meter says it, the count at which its energy registers wrap."""

    exponent: int
    rollover_counts: int | None = None


def scale_of(kind: ScaleKind, word: int) -> Scale:
    """Return what a scale word says.

    `power-of-ten`: a signed exponent from -10 to 10, 0x8000 meaning not implemented (SunSpec Device Information Model
    Specification, 4.3). `shark-format`: bits pppp--nn-eee-ddd at 0x7535 of an EIG Shark 100: nn + 5 energy digits, eee
    the energy's power of ten (0, 3 or 6), ddd its decimals (map of the Shark 100 manual). `dent-scalar`: 1 to 6 at 4601
    of a DENT PowerScout: 1 means that the count is divided by 1000, each step is ten times as much; of 0 the maker's
    table and a driver differ by ten, so it says nothing (https://manualshive.com/en/manual/dent/powerscout-24/2483337).
    Raises NotAvailableError for 0x8000, DecodeError for a word outside these forms.
    """
    if kind == "power-of-ten":
        return _sunspec_scale(word)
    return _shark_scale(word) if kind == "shark-format" else _dent_scale(word)


def _sunspec_scale(word: int) -> Scale:
    if word == _SUNSSF_NOT_IMPLEMENTED:
        message = "the scale factor is 0x8000, which means that the meter does not implement it"
        raise NotAvailableError(message)
    exponent = word - 0x10000 if word & 0x8000 else word
    if abs(exponent) > _SUNSSF_MAX:
        message = f"the scale factor {exponent} is outside -{_SUNSSF_MAX} to {_SUNSSF_MAX}"
        raise DecodeError(message)
    return Scale(exponent)


def _shark_scale(word: int) -> Scale:
    digits = 5 + (word >> 8 & 0b11)
    energy_scale = word >> 4 & 0b111
    decimals = word & 0b111
    if energy_scale not in _SHARK_SCALES or decimals > _SHARK_DECIMALS_MAX:
        message = (
            f"the format word {word:#06x} has energy scale {energy_scale} and {decimals} decimals, which no Shark has"
        )
        raise DecodeError(message)
    return Scale(energy_scale - decimals, 10**digits)


def _dent_scale(word: int) -> Scale:
    if not 1 <= word <= _DENT_SCALAR_MAX:
        message = (
            f"the data scalar is {word}, and only 1 to {_DENT_SCALAR_MAX} are known to mean one thing; set another"
        )
        raise DecodeError(message)
    return Scale(word - _DENT_SCALAR_OF_ONE)
