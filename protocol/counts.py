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

_FLOAT_FORMATS = {32: (">I", ">f"), 64: (">Q", ">d")}


def read_count(raw: int, width_bits: int, kind: str) -> Fraction | int | None:
    """Return the number in a raw pattern of `width_bits`: `u` unsigned, `s` two's complement, `f` IEEE 754.

    None where there is none: a pattern wider than the register, a float that is not finite, an unknown kind.
    """
    if raw < 0 or raw >> width_bits:
        return None
    if kind == "u":
        return raw
    if kind == "s":
        return raw - (1 << width_bits) if raw >> (width_bits - 1) else raw
    if kind == "f" and width_bits in _FLOAT_FORMATS:
        pattern, number = _FLOAT_FORMATS[width_bits]
        (value,) = struct.unpack(number, struct.pack(pattern, raw))
        return Fraction(value) if math.isfinite(value) else None
    return None


def read_value(raw: int, register: Register, ratio: tuple[int, int]) -> Fraction | None:
    """Return the exact value of a raw count in the register's unit; None where `read_count` finds no number."""
    count = read_count(raw, register.width_bits, register.kind)
    if count is None:
        return None
    return register.sign * Fraction(count) * Fraction(10) ** register.scale_exponent * Fraction(*ratio)
