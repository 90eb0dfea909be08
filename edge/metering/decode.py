"""What the words of a meter mean: raw counts, signed values, texts, and the scale that may be words itself.

A count stays the exact bit pattern until a `Register` describes it; nothing here turns energy into a float.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from edge.metering.errors import DecodeError, NotAvailableError
from protocol.messages import Register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.metering.profile import Point, PointType, ScaleKind, WordOrder

_WORD_BITS = 16
_SUNSSF_NOT_IMPLEMENTED = 0x8000
_SUNSSF_MAX = 10
_SHARK_SCALES = (0, 3, 6)
_SHARK_DECIMALS_MAX = 6
_WH_EXPONENT_BY_UNIT = {"Wh": 0, "kWh": 3, "MWh": 6}
_SIGNED_TYPES = ("i16", "i32", "i64")
_FLOAT_CODES = {"f32": ">f", "f64": ">d"}


@dataclass(frozen=True, slots=True)
class Scale:
    """A power of ten, and where the meter says it, the count at which its energy registers wrap."""

    exponent: int
    rollover_counts: int | None = None


def raw_count(words: Sequence[int], word_order: WordOrder) -> int:
    """Return the bit pattern of some words as an unsigned integer; `little` means least significant word first."""
    count = 0
    for word in words if word_order == "big" else reversed(words):
        count = count << _WORD_BITS | word
    return count


def signed_count(raw: int, point_type: PointType) -> int:
    """Return the integer that a raw pattern means: two's complement for i16, i32 and i64.

    Raises DecodeError for floats and texts, which are not counts.
    """
    if point_type in _FLOAT_CODES or point_type == "text":
        message = f"a {point_type} is not an integer count"
        raise DecodeError(message)
    if point_type not in _SIGNED_TYPES:
        return raw
    bits = int(point_type[1:])
    return raw - (1 << bits) if raw >> (bits - 1) else raw


def float_value(raw: int, point_type: PointType) -> Decimal:
    """Return exactly the number that an IEEE 754 pattern holds.

    Raises NotAvailableError for infinities and anything that is not a number, DecodeError if the type is no float.
    """
    code = _FLOAT_CODES.get(point_type)
    if code is None:
        message = f"a {point_type} is not a float"
        raise DecodeError(message)
    (value,) = struct.unpack(code, raw.to_bytes(struct.calcsize(code), "big"))
    if not math.isfinite(value):
        message = f"the float pattern {raw:#x} is not a number"
        raise NotAvailableError(message)
    return Decimal(value)


def text_value(words: Sequence[int]) -> str:
    """Return the ASCII text in some words, two characters each, up to the first NUL, without surrounding blanks.

    Raises DecodeError if it holds anything but printable ASCII: the words are then no text.
    """
    octets = b"".join(word.to_bytes(2, "big") for word in words).split(b"\0")[0]
    text = octets.decode("ascii", errors="replace").strip()
    if not text.isascii() or not text.isprintable():
        message = f"the words {octets.hex()} are not a text"
        raise DecodeError(message)
    return text


def is_available(point: Point, raw: int) -> bool:
    """Return whether a raw pattern is a value: not a listed sentinel, and for a float a finite number."""
    if raw in point.not_available:
        return False
    if point.type not in _FLOAT_CODES:
        return True
    try:
        float_value(raw, point.type)
    except NotAvailableError:
        return False
    return True


def scale_of(kind: ScaleKind, word: int) -> Scale:
    """Return what a scale word says.

    `power-of-ten`: a SunSpec sunssf, a signed exponent from -10 to 10, 0x8000 meaning not implemented (SunSpec Device
    Information Model Specification, 4.3). `shark-format`: bits pppp--nn-eee-ddd at 0x7535 of an EIG Shark 100: nn + 5
    energy digits, eee the energy's power of ten (0, 3 or 6), ddd its decimals (map of the Shark 100 manual).
    Raises NotAvailableError for 0x8000, DecodeError for a word outside these forms.
    """
    return _sunspec_scale(word) if kind == "power-of-ten" else _shark_scale(word)


def _sunspec_scale(word: int) -> Scale:
    if word == _SUNSSF_NOT_IMPLEMENTED:
        message = "the scale factor is 0x8000, which means that the meter does not implement it"
        raise NotAvailableError(message)
    exponent = signed_count(word, "i16")
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


def energy_exponent(point: Point) -> int:
    """Return the power of ten that turns a count times the point's fixed scale into Wh.

    Raises DecodeError if the unit is no energy or the scale no power of ten: such a count is not a whole number of
    any decimal fraction of a Wh that a `Register` can say.
    """
    if point.unit not in _WH_EXPONENT_BY_UNIT:
        message = f"unit {point.unit!r} is not an energy; use one of {', '.join(_WH_EXPONENT_BY_UNIT)}"
        raise DecodeError(message)
    sign, digits, exponent = point.scale.normalize().as_tuple()
    if sign or digits != (1,) or not isinstance(exponent, int):
        message = f"scale {point.scale} is not a power of ten; an exact energy needs one"
        raise DecodeError(message)
    return exponent + _WH_EXPONENT_BY_UNIT[point.unit]


def describe_register(
    point: Point, *, obis: str, function_code: int, address: int, scale_word: int | None = None
) -> Register:
    """Return how to understand an energy point's raw count, in Wh.

    `address` is where it was found (absolute, zero-based); `scale_word` is what its scale source holds, None where it
    has none. Raises NotAvailableError if the meter does not implement the scale, DecodeError if the word or the
    point's own scale cannot be right.
    """
    scale = Scale(0)
    if point.scale_source is not None:
        if scale_word is None:
            message = f"point {point.name} cannot be described without its scale word"
            raise DecodeError(message)
        scale = scale_of(point.scale_source.kind, scale_word)
    width_bits = point.words * _WORD_BITS
    return Register(
        obis=obis,
        unit="Wh",
        scale_exponent=energy_exponent(point) + scale.exponent,
        width_bits=width_bits,
        kind="f" if point.type in _FLOAT_CODES else "s" if point.type in _SIGNED_TYPES else "u",
        rollover_counts=scale.rollover_counts or point.modulus or 1 << width_bits,
        function_code=function_code,
        address=address,
        word_order=point.word_order,
        sign=point.sign,
    )


def meter_value(point: Point, words: Sequence[int], scale_word: int | None = None) -> Decimal:
    """Return exactly what the meter shows, in the point's unit and with the meter's own sign; for power and for proofs.

    Raises NotAvailableError for a sentinel, DecodeError for a text or an impossible scale word.
    """
    raw = raw_count(words, point.word_order)
    if raw in point.not_available:
        message = f"point {point.name} holds {raw:#x}, which means no value"
        raise NotAvailableError(message)
    count = float_value(raw, point.type) if point.type in _FLOAT_CODES else Decimal(signed_count(raw, point.type))
    exponent = 0
    if point.scale_source is not None and scale_word is not None:
        exponent = scale_of(point.scale_source.kind, scale_word).exponent
    return count * point.scale * Decimal(10) ** exponent
