"""What a register's raw count is worth, exactly: the descriptor's words applied, nothing rounded.

value = sign x count x 10**scale_exponent `unit` x ratio (`protocol.records.Register`). IEEE 754 patterns are exact
fractions too.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocol.messages import Register

KINDS = ("u", "s", "f", "m10k", "m10ks", "bcd")
"""How a raw pattern can be read, see `read_count`."""
_FLOAT_FORMATS = {32: (">I", ">f"), 64: (">Q", ">d")}
_WORD_BITS = 16
_WORD_BASE = 10_000


def read_count(raw: int, width_bits: int, kind: str) -> Fraction | int | None:
    """Return the number in a raw pattern of `width_bits`, most significant word first.

    `u` unsigned, `s` two's complement, `f` IEEE 754; `m10k` words that each hold four decimal digits as a number,
    `m10ks` the same with each word in two's complement, so that high x 10000 + low keeps its sign; `bcd` a decimal
    digit in each four bits. None where there is no number: a pattern wider than the register, a float that is not
    finite, a word or digit out of range, an unknown kind.
    """
    if raw < 0 or raw >> width_bits:
        return None
    if kind == "u":
        return raw
    if kind == "s":
        return _signed(raw, width_bits)
    if kind == "bcd":
        digits = f"{raw:x}"
        return int(digits) if digits.isdecimal() else None
    if kind in ("m10k", "m10ks"):
        return _read_words(raw, width_bits, is_signed=kind == "m10ks")
    return _read_float(raw, width_bits) if kind == "f" and width_bits in _FLOAT_FORMATS else None


def _read_float(raw: int, width_bits: int) -> Fraction | None:
    pattern, number = _FLOAT_FORMATS[width_bits]
    (value,) = struct.unpack(number, struct.pack(pattern, raw))
    return Fraction(value) if math.isfinite(value) else None


def _signed(raw: int, width_bits: int) -> int:
    return raw - (1 << width_bits) if raw >> (width_bits - 1) else raw


def _read_words(raw: int, width_bits: int, *, is_signed: bool) -> int | None:
    """Return the number whose digits to base 10000 are the words; the first may be larger, it has no digit above it."""
    words = [raw >> shift & 0xFFFF for shift in range(width_bits - _WORD_BITS, -1, -_WORD_BITS)]
    digits = [_signed(word, _WORD_BITS) for word in words] if is_signed else words
    if any(abs(digit) >= _WORD_BASE for digit in digits[1:]):
        return None
    number = 0
    for digit in digits:
        number = number * _WORD_BASE + digit
    return number


def read_value(raw: int, register: Register, ratio: tuple[int, int]) -> Fraction | None:
    """Return the exact value of a raw count in the register's unit; None where `read_count` finds no number."""
    count = read_count(raw, register.width_bits, register.kind)
    if count is None:
        return None
    return register.sign * Fraction(count) * Fraction(10) ** register.scale_exponent * Fraction(*ratio)
