"""Values into Modbus words: the simulators' own encoder, written apart from the edge's decoder on purpose.

Were both one piece of code, a mistake in it would sit on both sides of every test and cancel out.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from simulators.errors import MeterSetupError

if TYPE_CHECKING:
    from fractions import Fraction

    from edge.metering.profile import PointType, WordOrder

_BITS: dict[str, int] = {"u16": 16, "i16": 16, "u32": 32, "i32": 32, "acc32": 32, "u64": 64, "i64": 64}
_FLOAT_FORMATS: dict[str, str] = {"f32": ">f", "f64": ">d"}


def encode_integer(value: int, kind: PointType, word_order: WordOrder) -> tuple[int, ...]:
    """Return `value` as the words of an integer of `kind`; `word_order` "little" puts the lowest word first.

    Raises MeterSetupError if the kind is not an integer's or the value does not fit it.
    """
    bits = _BITS.get(kind)
    if bits is None:
        message = f"a whole number cannot be written as {kind}; give the point an integer type"
        raise MeterSetupError(message)
    lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind.startswith("i") else (0, (1 << bits) - 1)
    if not lowest <= value <= highest:
        message = f"{value} does not fit {kind} ({lowest}..{highest}); choose a coarser scale or a smaller modulus"
        raise MeterSetupError(message)
    return _split((value % (1 << bits)).to_bytes(bits // 8, "big"), word_order)


def encode_float(value: Fraction, kind: PointType, word_order: WordOrder) -> tuple[int, ...]:
    """Return `value` as the words of the nearest IEEE 754 float of `kind` ("f32" or "f64")."""
    return _split(struct.pack(_FLOAT_FORMATS[kind], float(value)), word_order)


def encode_text(text: str, words: int) -> tuple[int, ...]:
    """Return ASCII `text` in `words` words, two characters each, padded with zero bytes.

    Raises MeterSetupError if it is too long or not ASCII.
    """
    if not text.isascii() or len(text) > 2 * words:
        message = f"{text!r} does not fit {words} words of text; use at most {2 * words} ASCII characters"
        raise MeterSetupError(message)
    return _split(text.encode("ascii").ljust(2 * words, b"\0"), "big")


def is_float(kind: PointType) -> bool:
    """Tell whether points of `kind` hold an IEEE 754 float."""
    return kind in _FLOAT_FORMATS


def saturate(value: int, kind: PointType) -> int:
    """Return the integer nearest to `value` that fits `kind`: an instantaneous value stops at the end of its range."""
    bits = _BITS[kind]
    lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind.startswith("i") else (0, (1 << bits) - 1)
    return min(max(value, lowest), highest)


def _split(octets: bytes, word_order: WordOrder) -> tuple[int, ...]:
    words = struct.unpack(f">{len(octets) // 2}H", octets)
    return words if word_order == "big" else words[::-1]
