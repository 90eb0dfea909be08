"""Values into Modbus words: the simulators' own encoder, written apart from the edge's decoder on purpose.

Were both one piece of code, a mistake in it would sit on both sides of every test and cancel out.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Protocol

from simulators.errors import MeterSetupError

if TYPE_CHECKING:
    from fractions import Fraction

    from edge.metering.profile import Order, PointType

_FLOAT_FORMATS: dict[str, str] = {"f32": ">f", "f64": ">d"}
_SIGNED = ("i16", "i32", "i64", "m10ks")
_BASE_10000 = ("m10k", "m10ks")
_TEXTS = ("text", "text1")


class Layout(Protocol):
    """How a value lies in its words: a point of a profile, or an identity check."""

    @property
    def type(self) -> PointType:
        """What the words hold."""
        ...

    @property
    def words(self) -> int:
        """How many they are."""
        ...

    @property
    def word_order(self) -> Order:
        """Whether the most (`big`) or the least significant word comes first."""
        ...

    @property
    def byte_order(self) -> Order:
        """The same of the octets inside each word."""
        ...


def encode_integer(value: int, layout: Layout) -> tuple[int, ...]:
    """Return `value` as the words of an integer, in base 10000 or in decimal digits, as the layout's type says.

    Raises MeterSetupError if the type is not an integer's or the value does not fit it.
    """
    if layout.type in _FLOAT_FORMATS or layout.type in _TEXTS:
        message = f"a whole number cannot be written as {layout.type}; give the point an integer type"
        raise MeterSetupError(message)
    lowest, highest = integer_range(layout)
    if not lowest <= value <= highest:
        message = (
            f"{value} does not fit {layout.type} ({lowest}..{highest}); choose a coarser scale or a smaller modulus"
        )
        raise MeterSetupError(message)
    if layout.type in _BASE_10000:
        sign = -1 if value < 0 else 1
        digits = f"{abs(value):0{4 * layout.words}d}"
        words = [sign * int(digits[place : place + 4]) % 0x10000 for place in range(0, len(digits), 4)]
        return _arrange(tuple(words), layout)
    if layout.type == "bcd":
        return _arrange(_split(bytes.fromhex(f"{value:0{4 * layout.words}d}")), layout)
    return _arrange(_split((value % (1 << 16 * layout.words)).to_bytes(2 * layout.words, "big")), layout)


def encode_float(value: Fraction, layout: Layout) -> tuple[int, ...]:
    """Return `value` as the words of the nearest IEEE 754 float of the layout's type (`f32` or `f64`)."""
    return _arrange(_split(struct.pack(_FLOAT_FORMATS[layout.type], float(value))), layout)


def encode_pattern(pattern: int, layout: Layout) -> tuple[int, ...]:
    """Return what an identity check allows as words: the bits of a float, the value of any other number."""
    if layout.type in _FLOAT_FORMATS:
        return _arrange(_split(pattern.to_bytes(2 * layout.words, "big")), layout)
    return encode_integer(pattern, layout)


def encode_text(text: str, layout: Layout) -> tuple[int, ...]:
    """Return ASCII `text` in the layout's words, two characters each or one (`text1`), padded with zero bytes.

    Raises MeterSetupError if it is too long or not ASCII.
    """
    characters = layout.words * (1 if layout.type == "text1" else 2)
    if not text.isascii() or len(text) > characters:
        message = f"{text!r} does not fit {layout.words} words of text; use at most {characters} ASCII characters"
        raise MeterSetupError(message)
    if layout.type == "text1":
        words = tuple(text.encode("ascii").ljust(characters, b"\0"))
    else:
        words = pack_text(text, layout.words)
    return tuple(map(_swap, words)) if layout.byte_order == "little" else words


def pack_text(text: str, words: int) -> tuple[int, ...]:
    """Return ASCII `text` that fits in `words` words, two characters each, padded with zero bytes."""
    return _split(text.encode("ascii").ljust(2 * words, b"\0"))


def fit_text(text: str, layout: Layout) -> str:
    """Return as much of `text` as the layout's words can show."""
    return text.encode("ascii", "ignore")[: layout.words * (1 if layout.type == "text1" else 2)].decode("ascii")


def show_text(words: tuple[int, ...], layout: Layout) -> str:
    """Return the text that such words show, without what stands behind its first zero byte."""
    arranged = words if layout.byte_order == "big" else tuple(map(_swap, words))
    octets = struct.pack(f">{len(arranged)}H", *arranged)[1 if layout.type == "text1" else 0 :]
    return octets[:: 2 if layout.type == "text1" else 1].partition(b"\0")[0].decode("ascii", "replace")


def is_float(kind: PointType) -> bool:
    """Tell whether points of `kind` hold an IEEE 754 float."""
    return kind in _FLOAT_FORMATS


def is_text(kind: PointType) -> bool:
    """Tell whether points of `kind` hold a text."""
    return kind in _TEXTS


def round_float(value: Fraction, kind: PointType) -> float:
    """Return the float of `kind` that is nearest to `value`, as a meter shows it."""
    code = _FLOAT_FORMATS[kind]
    (shown,) = struct.unpack(code, struct.pack(code, float(value)))
    return float(shown)


def integer_range(layout: Layout) -> tuple[int, int]:
    """Return the lowest and the highest integer that the layout's type and words hold."""
    if layout.type in (*_BASE_10000, "bcd"):
        highest = 10 ** (4 * layout.words) - 1
        return (-highest if layout.type in _SIGNED else 0), highest
    bits = 16 * layout.words
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if layout.type in _SIGNED else (0, (1 << bits) - 1)


def saturate(value: int, layout: Layout) -> int:
    """Return the integer nearest to `value` that fits: an instantaneous value stops at the end of its range."""
    lowest, highest = integer_range(layout)
    return min(max(value, lowest), highest)


def _split(octets: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(octets) // 2}H", octets)


def _arrange(words: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    """Return words that have the most significant word and octet first in the order that the layout asks for."""
    ordered = words if layout.word_order == "big" else words[::-1]
    return ordered if layout.byte_order == "big" else tuple(map(_swap, ordered))


def _swap(word: int) -> int:
    return (word % 256) * 256 + word // 256
