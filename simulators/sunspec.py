"""The words of a SunSpec meter that is not yet measuring: marker, common model, a meter model, end model.

Layout as in the SunSpec Information Model Reference and the model definitions 1, 201 to 204 (integers with scale
factors) and 211 to 214 (floats), https://github.com/sunspec/models/tree/master/json. Points that the simulated meter
does not measure hold the "not implemented" pattern of their type, as the specification asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulators.errors import MeterSetupError
from simulators.words import pack_text

if TYPE_CHECKING:
    from simulators.image import WordImage

COMMON_MODEL = 1
INTEGER_MODELS = range(201, 205)
FLOAT_MODELS = range(211, 215)
_MARKER = (0x5375, 0x6E53)
_COMMON_LENGTH = 66
_INTEGER_LENGTH = 105
_FLOAT_LENGTH = 124
_HEADER = 2
_END_MODEL = (0xFFFF, 0)
_NOT_IMPLEMENTED_INT16 = 0x8000
_NOT_A_NUMBER = (0x7FC0, 0x0000)

# Offsets within the integer models from their id word.
_SCALE_FACTORS = {6: -2, 15: -1, 17: -2, 22: 0, 27: 0, 32: 0, 37: -2, 54: 0, 71: 0, 104: 0}
_INT16 = range(2, 38)
_VOLTS_LN, _VOLTS_LL, _HERTZ = 7, 11, 16
# Events, the last two words of the float models, are a bit field.
_EVENTS = (0, 0)


@dataclass(frozen=True, slots=True)
class NamePlate:
    """What a meter says it is: make, model, firmware and serial, as text."""

    make: str
    model: str
    firmware: str
    serial: str


def put_sunspec(image: WordImage, base: int, unit: int, plate: NamePlate, model: int) -> dict[int, int]:
    """Write a whole SunSpec map with this meter model from address `base`; return where each id word stands, by model.

    Raises MeterSetupError for a model that is no meter's.
    """
    words = _meter_words(model)
    common = base + len(_MARKER)
    meter = common + _HEADER + _COMMON_LENGTH
    image.put(base, _MARKER)
    image.put(common, _common_words(unit, plate))
    image.put(meter, words)
    image.put(meter + len(words), _END_MODEL)
    return {COMMON_MODEL: common, model: meter}


def _common_words(unit: int, plate: NamePlate) -> tuple[int, ...]:
    return (
        COMMON_MODEL,
        _COMMON_LENGTH,
        *pack_text(plate.make, 16),
        *pack_text(plate.model, 16),
        *pack_text("", 8),
        *pack_text(plate.firmware, 8),
        *pack_text(plate.serial, 16),
        unit,
        _NOT_IMPLEMENTED_INT16,
    )


def _meter_words(model: int) -> tuple[int, ...]:
    if model in FLOAT_MODELS:
        return (model, _FLOAT_LENGTH, *_NOT_A_NUMBER * (_FLOAT_LENGTH // 2 - 1), *_EVENTS)
    if model not in INTEGER_MODELS:
        message = f"SunSpec model {model} is no meter that can be simulated; use a profile of 201 to 204 or 211 to 214"
        raise MeterSetupError(message)
    words = [0] * (_HEADER + _INTEGER_LENGTH)
    words[:_HEADER] = model, _INTEGER_LENGTH
    for offset in _INT16:
        words[offset] = _NOT_IMPLEMENTED_INT16
    for offset, exponent in _SCALE_FACTORS.items():
        words[offset] = exponent % 0x10000
    words[_VOLTS_LN : _VOLTS_LN + 4] = [2770] * 4
    words[_VOLTS_LL : _VOLTS_LL + 4] = [4800] * 4
    words[_HERTZ] = 6000
    return tuple(words)
