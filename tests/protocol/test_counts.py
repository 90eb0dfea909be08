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


@pytest.mark.parametrize(
    ("raw", "width", "kind"),
    [(-1, 32, "u"), (2**32, 32, "u"), (0x7FC00000, 32, "f"), (0x7F800000, 32, "f"), (1, 16, "f"), (1, 32, "x")],
)
def test_what_is_no_number_is_none(raw: int, width: int, kind: str) -> None:
    """Patterns too wide, not finite, of no float format or of an unknown kind have no value."""
    assert read_count(raw, width, kind) is None
    assert read_value(raw, replace(GENERATED, width_bits=width, kind=kind), (1, 1)) is None


def test_a_value_applies_every_word_of_the_descriptor() -> None:
    """Sign, scale and ratio multiply the count, exactly."""
    register = replace(GENERATED, kind="s", sign=-1, scale_exponent=-1)
    assert read_value(2**32 - 25, register, (200, 3)) == Fraction(25 * 200, 30)
