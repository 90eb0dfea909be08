"""The words of a SunSpec meter that is not yet measuring: marker, common model, model 203, end model.

Layout as in the SunSpec Information Model Reference and model definitions 1 and 203
(https://github.com/sunspec/models/tree/master/json). Points that the simulated meter does not measure hold the
"not implemented" pattern of their type, as the specification asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulators.words import encode_text

if TYPE_CHECKING:
    from simulators.image import WordImage

COMMON_MODEL = 1
METER_MODEL = 203
_MARKER = (0x5375, 0x6E53)
_COMMON_LENGTH = 66
_METER_LENGTH = 105
_HEADER = 2
_END_MODEL = (0xFFFF, 0)
_NOT_IMPLEMENTED_INT16 = 0x8000

# Offsets within model 203 from its id word.
_SCALE_FACTORS = {6: -2, 15: -1, 17: -2, 22: 0, 27: 0, 32: 0, 37: -2, 54: 0, 71: 0, 104: 0}
_INT16 = range(2, 38)
_VOLTS_LN, _VOLTS_LL, _HERTZ = 7, 11, 16


@dataclass(frozen=True, slots=True)
class NamePlate:
    """What a meter says it is: make, model, firmware and serial, as text."""

    make: str
    model: str
    firmware: str
    serial: str


def put_sunspec(image: WordImage, base: int, unit: int, plate: NamePlate) -> dict[int, int]:
    """Write a whole SunSpec map from address `base` and return where each model's id word stands, by model id."""
    common = base + len(_MARKER)
    meter = common + _HEADER + _COMMON_LENGTH
    image.put(base, _MARKER)
    image.put(common, _common_words(unit, plate))
    image.put(meter, _meter_words())
    image.put(meter + _HEADER + _METER_LENGTH, _END_MODEL)
    return {COMMON_MODEL: common, METER_MODEL: meter}


def _common_words(unit: int, plate: NamePlate) -> tuple[int, ...]:
    return (
        COMMON_MODEL,
        _COMMON_LENGTH,
        *encode_text(plate.make, 16),
        *encode_text(plate.model, 16),
        *encode_text("", 8),
        *encode_text(plate.firmware, 8),
        *encode_text(plate.serial, 16),
        unit,
        _NOT_IMPLEMENTED_INT16,
    )


def _meter_words() -> tuple[int, ...]:
    words = [0] * (_HEADER + _METER_LENGTH)
    words[:_HEADER] = METER_MODEL, _METER_LENGTH
    for offset in _INT16:
        words[offset] = _NOT_IMPLEMENTED_INT16
    for offset, exponent in _SCALE_FACTORS.items():
        words[offset] = exponent % 0x10000
    words[_VOLTS_LN : _VOLTS_LN + 4] = [2770] * 4
    words[_VOLTS_LL : _VOLTS_LL + 4] = [4800] * 4
    words[_HERTZ] = 6000
    return tuple(words)
