"""What the words of a meter mean: raw counts, numbers, texts, and the register that a reader needs for them.

A count stays the exact bit pattern until a `Register` describes it; nothing here turns energy into a float.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from edge.metering.errors import DecodeError, NotAvailableError
from edge.metering.profile import KIND_BY_TYPE
from edge.metering.scale import Scale, scale_of
from protocol.counts import read_count
from protocol.messages import Register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.metering.profile import IdentityCheck, Order, Point

WORD_BITS = 16
BASE_10000_TYPES = ("m10k", "m10ks")
_WORD_BASE = 10_000
_WH_EXPONENT_BY_UNIT = {"Wh": 0, "kWh": 3, "MWh": 6}


def raw_count(words: Sequence[int], word_order: Order, byte_order: Order = "big") -> int:
    """Return the bit pattern of some words as an unsigned integer, most significant octet first whatever the orders.

    `word_order` "little" means that the least significant word comes first, `byte_order` "little" that the octets
    inside each word are swapped. What is sent and archived is this pattern: no reader needs to know the orders.
    """
    count = 0
    for word in words if word_order == "big" else reversed(words):
        count = count << WORD_BITS | (word if byte_order == "big" else _swapped(word))
    return count


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8


def number_of(part: Point | IdentityCheck, raw: int) -> Fraction | int:
    """Return exactly the number that a raw count of a part's type means, before any scale.

    Raises NotAvailableError for a float that is no number, DecodeError for words or digits that the type cannot hold
    and for texts, which are no numbers.
    """
    kind = KIND_BY_TYPE.get(part.type)
    if kind is None:
        message = f"a {part.type} is not a number"
        raise DecodeError(message)
    number = read_count(raw, part.words * WORD_BITS, kind)
    if number is None and kind == "f":
        message = f"the float pattern {raw:#x} is not a number"
        raise NotAvailableError(message)
    if number is None or (part.type in BASE_10000_TYPES and abs(number) >= _WORD_BASE**part.words):
        message = f"the words {raw:#0{4 * part.words + 2}x} are no {part.type}"
        raise DecodeError(message)
    return number


def take_count(point: Point, words: Sequence[int]) -> int:
    """Return the raw count in the words of a point that holds a value.

    Raises NotAvailableError for a pattern that means "no value", DecodeError for one that its type cannot hold.
    """
    raw = raw_count(words, point.word_order, point.byte_order)
    if raw in point.not_available:
        message = f"point {point.name} holds {raw:#x}, which means no value"
        raise NotAvailableError(message)
    number_of(point, raw)
    return raw


def text_value(part: Point | IdentityCheck, words: Sequence[int]) -> str:
    """Return the ASCII text in the words of a part up to the first NUL, without surrounding blanks.

    A `text` holds two characters a word, a `text1` one in the less significant octet. Raises DecodeError if there is
    anything but printable ASCII: the words are then no text.
    """
    arranged = [word if part.byte_order == "big" else _swapped(word) for word in words]
    octets = b"".join(word.to_bytes(2, "big") for word in arranged)
    if part.type == "text1":
        uppers, octets = octets[::2], octets[1::2]
        octets = octets if not any(uppers) else b"\xff"
    text = octets.split(b"\0")[0].decode("ascii", errors="replace").strip()
    if not text.isascii() or not text.isprintable():
        message = f"the words {' '.join(f'{word:04x}' for word in words)} are not a text"
        raise DecodeError(message)
    return text


def energy_exponent(point: Point) -> int:
    """Return the power of ten that turns a count times the point's fixed scale into Wh.

    Raises DecodeError if the unit is no energy or the scale no power of ten: such a count is not a whole number of
    any decimal fraction of a Wh that a `Register` can say.
    """
    if point.unit not in _WH_EXPONENT_BY_UNIT:
        message = f"unit {point.unit!r} is no energy, as {', '.join(_WH_EXPONENT_BY_UNIT)} are"
        raise DecodeError(message)
    sign, digits, exponent = point.scale.normalize().as_tuple()
    if sign or digits != (1,) or not isinstance(exponent, int):
        message = f"scale {point.scale} is no power of ten, which an exact energy needs"
        raise DecodeError(message)
    return exponent + _WH_EXPONENT_BY_UNIT[point.unit]


def describe_register(point: Point, *, obis: str, address: int, scale_word: int | None = None) -> Register:
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
    width_bits = point.words * WORD_BITS
    return Register(
        obis=obis,
        unit="Wh",
        scale_exponent=energy_exponent(point) + scale.exponent,
        width_bits=width_bits,
        kind=KIND_BY_TYPE[point.type],
        rollover_counts=scale.rollover_counts or point.modulus or 1 << width_bits,
        function_code=point.function_code,
        address=address,
        word_order=point.word_order,
        sign=point.sign,
    )


def meter_value(point: Point, words: Sequence[int], scale_word: int | None = None) -> Fraction:
    """Return exactly what the meter shows, in the point's unit and with the meter's own sign; for power and for proofs.

    Raises NotAvailableError for a sentinel, DecodeError for a text or an impossible scale word.
    """
    number = number_of(point, take_count(point, words))
    exponent = 0
    if point.scale_source is not None and scale_word is not None:
        exponent = scale_of(point.scale_source.kind, scale_word).exponent
    return number * Fraction(point.scale) * Fraction(10) ** exponent
