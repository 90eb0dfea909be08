"""Properties of the simulators' encoder, against words that vendors and real meters show."""

from __future__ import annotations

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.profile import IdentityCheck, Order, PointType
from simulators.errors import MeterSetupError
from simulators.words import encode_float, encode_integer, encode_pattern, encode_text, fit_text, saturate, show_text

WORDS = {"u16": 1, "i16": 1, "u64": 4, "i64": 4, "f64": 4}
FORMATS = {"u16": "H", "i16": "h", "u32": "I", "i32": "i", "acc32": "I", "u64": "Q", "acc64": "Q", "i64": "q"}


def part(kind: PointType, word_order: Order = "big", words: int = 0, byte_order: Order = "big") -> IdentityCheck:
    """Return something whose words are laid out so."""
    return IdentityCheck(0, kind, words or WORDS.get(kind, 2), word_order, byte_order)


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
def test_integers_of_real_meters(value: int, kind: PointType, word_order: Order, words: tuple[int, ...]) -> None:
    """An integer is written as the meter in question wrote it."""
    assert encode_integer(value, part(kind, word_order)) == words


def test_floats_of_real_meters() -> None:
    """A float is written as a Shark 100 wrote its power, and word order turns the words around."""
    assert encode_float(Fraction("-985527.25"), part("f32")) == (0xC970, 0x9B74)
    assert encode_float(Fraction("-985527.25"), part("f32", "little")) == (0x9B74, 0xC970)
    assert encode_float(Fraction(1, 3), part("f64")) == struct.unpack(">4H", struct.pack(">d", 1 / 3))


@given(
    st.sampled_from(sorted(FORMATS)),
    st.data(),
    st.sampled_from(["big", "little"]),
    st.sampled_from(["big", "little"]),
)
def test_integers_round_trip(kind: PointType, data: st.DataObject, word_order: Order, byte_order: Order) -> None:
    """Every value of a type comes back from its words, and the next one beyond its range is refused."""
    form = FORMATS[kind]
    bits = 8 * struct.calcsize(f">{form}")
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if form.islower() else (0, 2**bits - 1)
    value = data.draw(st.integers(lowest, highest))
    layout = part(kind, word_order, bits // 16, byte_order)
    words = encode_integer(value, layout)
    ordered = words if word_order == "big" else words[::-1]
    octets = struct.pack(f"{'>' if byte_order == 'big' else '<'}{len(words)}H", *ordered)
    assert struct.unpack(f">{form}", octets) == (value,)
    for beyond in (lowest - 1, highest + 1):
        with pytest.raises(MeterSetupError, match=f"{beyond} does not fit {kind}"):
            encode_integer(beyond, layout)
        assert saturate(beyond, layout) in (lowest, highest)
    assert saturate(value, layout) == value


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (10_017, "m10k", (1, 17)),
        (123_456_789_012, "m10k", (1234, 5678, 9012)),
        (-10_017, "m10ks", (0xFFFF, 0xFFEF)),
        (-16, "m10ks", (0, 0xFFF0)),
        (12_345_678, "bcd", (0x1234, 0x5678)),
        (42, "bcd", (0x0042,)),
    ],
)
def test_decimal_words_are_spelt(value: int, kind: PointType, words: tuple[int, ...]) -> None:
    """Each word holds four digits, as a number or as packed digits, and both carry the sign where there is one."""
    assert encode_integer(value, part(kind, words=len(words))) == words
    assert encode_integer(value, part(kind, "little", len(words))) == words[::-1]


@pytest.mark.parametrize(("kind", "lowest"), [("m10k", 0), ("m10ks", -99_999_999), ("bcd", 0)])
def test_decimal_words_have_an_end(kind: PointType, lowest: int) -> None:
    """Two words hold eight digits and no more."""
    for beyond in (lowest - 1, 100_000_000):
        with pytest.raises(MeterSetupError, match=f"{beyond} does not fit {kind}"):
            encode_integer(beyond, part(kind))


def test_text_is_padded_and_never_cut() -> None:
    """Text is two characters to a word with zero bytes behind; too long or foreign text is refused."""
    assert encode_text("ABC", part("text", words=3)) == (0x4142, 0x4300, 0)
    for text in ("ABCDEFG", "\u00b5"):
        with pytest.raises(MeterSetupError, match="at most 6 ASCII characters"):
            encode_text(text, part("text", words=3))
    with pytest.raises(MeterSetupError, match="at most 3 ASCII characters"):
        encode_text("ABCD", part("text1", words=3))


def test_text_can_have_one_character_a_word() -> None:
    """A character stands in the less significant octet, which the byte order may put first."""
    assert encode_text("SOCO", part("text1", words=5)) == (0x53, 0x4F, 0x43, 0x4F, 0)
    assert encode_text("SO", part("text1", words=2, byte_order="little")) == (0x5300, 0x4F00)
    assert encode_text("SOC", part("text", words=2, byte_order="little")) == (0x4F53, 0x0043)


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
    st.sampled_from(["text", "text1"]),
    st.sampled_from(["big", "little"]),
)
def test_a_text_shows_what_was_written(text: str, kind: PointType, byte_order: Order) -> None:
    """What fits comes back; what does not is shortened, not mangled."""
    layout = part(kind, words=5, byte_order=byte_order)
    fitting = fit_text(text, layout)
    assert text.startswith(fitting)
    assert len(fitting) == min(len(text), 5 if kind == "text1" else 10)
    assert show_text(encode_text(fitting, layout), layout) == fitting


def test_what_a_check_allows_is_a_pattern_for_a_float() -> None:
    """The words of a float that a check wants are its bits; of an integer, its value."""
    assert encode_pattern(0x449A522B, part("f32", "little")) == (0x522B, 0x449A)
    assert encode_pattern(1234, part("bcd", words=1)) == (0x1234,)


@pytest.mark.parametrize("kind", ["f32", "text", "text1"])
def test_a_float_or_a_text_is_no_place_for_an_integer(kind: PointType) -> None:
    """Asking for an integer in such words is refused."""
    with pytest.raises(MeterSetupError, match=f"cannot be written as {kind}"):
        encode_integer(1, part(kind))
