"""Properties of the simulators' encoder, against words that vendors and real meters show."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import MeterSetupError
from simulators.words import encode_float, encode_integer, encode_text, saturate

if TYPE_CHECKING:
    from edge.metering.profile import PointType, WordOrder

FORMATS = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "acc32": "I", "u64": "Q", "i64": "q"}


@pytest.mark.parametrize(
    ("value", "kind", "word_order", "words"),
    [
        (
            320,
            "i32",
            "little",
            (0x0140, 0x0000),
        ),  # a WattNode's 32.0 kWh, https://ctlsys.com/support/modbus_message_examples/
        (-1_464_776, "i32", "big", (0xFFE9, 0xA638)),  # a Shark 100 at a solar plant, SolarNetwork's Shark100DataTests
        (700, "i32", "big", (0x0000, 0x02BC)),  # the same meter
        (221, "acc32", "big", (0x0000, 0x00DD)),  # an Elkor WattsOn-Mark II, SolarNetwork's test-data-203-02
    ],
)
def test_integers_of_real_meters(value: int, kind: PointType, word_order: WordOrder, words: tuple[int, ...]) -> None:
    """An integer is written as the meter in question wrote it."""
    assert encode_integer(value, kind, word_order) == words


def test_floats_of_real_meters() -> None:
    """A float is written as a Shark 100 wrote its power, and word order turns the words around."""
    assert encode_float(Fraction("-985527.25"), "f32", "big") == (0xC970, 0x9B74)
    assert encode_float(Fraction("-985527.25"), "f32", "little") == (0x9B74, 0xC970)
    assert encode_float(Fraction(1, 3), "f64", "big") == struct.unpack(">4H", struct.pack(">d", 1 / 3))


@given(st.sampled_from(sorted(FORMATS)), st.data(), st.sampled_from(["big", "little"]))
def test_integers_round_trip(kind: PointType, data: st.DataObject, word_order: WordOrder) -> None:
    """Every value of a type comes back from its words, and the next one beyond its range is refused."""
    bits = 8 * struct.calcsize(f">{FORMATS[kind]}")
    signed = FORMATS[kind].islower()
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    value = data.draw(st.integers(lowest, highest))
    words = encode_integer(value, kind, word_order)
    ordered = words if word_order == "big" else words[::-1]
    assert struct.unpack(f">{FORMATS[kind]}", struct.pack(f">{len(words)}H", *ordered)) == (value,)
    for beyond in (lowest - 1, highest + 1):
        with pytest.raises(MeterSetupError, match=f"{beyond} does not fit {kind}"):
            encode_integer(beyond, kind, word_order)
        assert saturate(beyond, kind) in (lowest, highest)
    assert saturate(value, kind) == value


def test_text_is_padded_and_never_cut() -> None:
    """Text is two characters to a word with zero bytes behind; too long or foreign text is refused."""
    assert encode_text("ABC", 3) == (0x4142, 0x4300, 0)
    for text in ("ABCDEFG", "\u00b5"):
        with pytest.raises(MeterSetupError, match="at most 6 ASCII characters"):
            encode_text(text, 3)


def test_a_float_is_no_place_for_an_integer() -> None:
    """Asking for an integer in a float's words is refused."""
    with pytest.raises(MeterSetupError, match="cannot be written as f32"):
        encode_integer(1, "f32", "big")
