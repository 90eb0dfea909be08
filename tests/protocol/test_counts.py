"""A raw count is a number exactly as its descriptor says, or none at all."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.counts import read_count, read_value
from tests.protocol.logs import GENERATED


@given(st.integers(0, 2**32 - 1))
def test_integers_are_themselves(raw: int) -> None:
    """Unsigned patterns are the number, signed ones two's complement."""
    assert read_count(raw, 32, "u") == raw
    assert read_count(raw, 32, "s") == int.from_bytes(raw.to_bytes(4, "big"), "big", signed=True)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_exact(value: float) -> None:
    """A float pattern is the fraction it stands for, nothing rounded."""
    assert read_count(int.from_bytes(struct.pack(">d", value), "big"), 64, "f") == Fraction(value)


@given(st.integers(0, 65_535 * 10**8 + 99_999_999))
def test_words_of_base_ten_thousand_are_digits(number: int) -> None:
    """Each word is a digit to base 10000; the first alone may pass 9999, since it has no digit above it."""
    words = (number // 10**8, number // 10_000 % 10_000, number % 10_000)
    raw = words[0] << 32 | words[1] << 16 | words[2]
    assert read_count(raw, 48, "m10k") == number


@given(st.integers(-327_679_999, 327_679_999))
def test_signed_words_of_base_ten_thousand_keep_their_sign(number: int) -> None:
    """A negative number has the sign in each of its words, as division that rounds to zero leaves it."""
    high, low = (abs(number) // 10_000, abs(number) % 10_000)
    sign = -1 if number < 0 else 1
    raw = (sign * high & 0xFFFF) << 16 | (sign * low & 0xFFFF)
    assert read_count(raw, 32, "m10ks") == number


@given(st.integers(0, 99_999_999))
def test_decimal_digits_of_four_bits_are_the_number(number: int) -> None:
    """A BCD pattern read in hexadecimal shows the number."""
    assert read_count(int(str(number), 16), 32, "bcd") == number


@pytest.mark.parametrize(
    ("raw", "width", "kind"),
    [
        (10_000, 32, "m10k"),
        (10_000, 32, "m10ks"),
        (0xD8F0, 32, "m10ks"),
        (0x1A, 16, "bcd"),
        (-1, 32, "u"),
        (2**32, 32, "u"),
        (0x7FC00000, 32, "f"),
        (0x7F800000, 32, "f"),
        (1, 16, "f"),
        (1, 32, "x"),
    ],
)
def test_what_is_no_number_is_none(raw: int, width: int, kind: str) -> None:
    """Patterns too wide, not finite, of no float format or of an unknown kind have no value."""
    assert read_count(raw, width, kind) is None
    assert read_value(raw, replace(GENERATED, width_bits=width, kind=kind), (1, 1)) is None


def test_a_value_applies_every_word_of_the_descriptor() -> None:
    """Sign, scale and ratio multiply the count, exactly."""
    register = replace(GENERATED, kind="s", sign=-1, scale_exponent=-1)
    assert read_value(2**32 - 25, register, (200, 3)) == Fraction(25 * 200, 30)
