"""Words to counts, values and scales."""

from __future__ import annotations

import struct
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.decode import (
    describe_register,
    energy_exponent,
    meter_value,
    number_of,
    raw_count,
    take_count,
    text_value,
)
from edge.metering.errors import DecodeError, NotAvailableError
from edge.metering.profile import WORDS_BY_TYPE, Point, PointType, ScaleSource

WORDS = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=4)


def energy(point_type: PointType = "i32", **changes: object) -> Point:
    """Return an energy point in tenths of a kWh."""
    point = Point(
        name="energy",
        quantity="active_energy",
        direction="export",
        address=100,
        type=point_type,
        words=WORDS_BY_TYPE.get(point_type, 2),
        word_order="big",
        scale=Decimal("0.1"),
        unit="kWh",
        modulus=10**9,
        monotonic=True,
    )
    return replace(point, **changes)  # type: ignore[arg-type]  # the tests below name fields of Point


@given(words=WORDS)
def test_the_first_word_of_a_big_count_is_the_most_significant(words: list[int]) -> None:
    """A big count is its words' octets in wire order; a little one is the same words backwards."""
    octets = b"".join(word.to_bytes(2, "big") for word in words)
    assert raw_count(words, "big") == int.from_bytes(octets, "big")
    assert raw_count(words[::-1], "little") == raw_count(words, "big")


@given(words=WORDS)
def test_byte_order_swaps_the_octets_of_each_word(words: list[int]) -> None:
    """With both orders little, the count is the octets in wire order from the least significant on."""
    octets = b"".join(word.to_bytes(2, "big") for word in words)
    assert raw_count(words, "little", "little") == int.from_bytes(octets, "little")
    swapped = [int.from_bytes(word.to_bytes(2, "big"), "little") for word in words]
    assert raw_count(words, "big", "little") == raw_count(swapped, "big")


@pytest.mark.parametrize(("point_type", "bits"), [("i16", 16), ("i32", 32), ("i64", 64)])
@given(chance=st.data())
def test_signed_counts_are_twos_complement(point_type: PointType, bits: int, chance: st.DataObject) -> None:
    """Every signed integer of the width comes back from its bit pattern."""
    value = chance.draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    assert number_of(energy(point_type), value % 2**bits) == value


@pytest.mark.parametrize("point_type", ["u16", "u32", "u64", "acc32", "acc64"])
@given(raw=st.integers(0, 0xFFFF))
def test_unsigned_counts_are_their_pattern(point_type: PointType, raw: int) -> None:
    """An unsigned count is never read as negative, whatever its first bit."""
    raw <<= 16 * (WORDS_BY_TYPE[point_type] - 1)
    assert number_of(energy(point_type), raw) == raw


@pytest.mark.parametrize("point_type", ["text", "text1"])
def test_a_text_is_no_number(point_type: PointType) -> None:
    """A text is never taken for a count."""
    with pytest.raises(DecodeError, match=f"a {point_type} is not a number"):
        number_of(energy(point_type), 1)


@pytest.mark.parametrize(
    ("point_type", "words", "number"),
    [
        ("m10k", (1, 17), 10_017),
        ("m10k", (0, 0), 0),
        ("m10k", (9999, 9999, 9999, 9999), 10**16 - 1),
        ("m10ks", (0xFFFF, 0xFFEF), -10_017),
        ("m10ks", (12, 3456), 123_456),
        ("bcd", (0x1234, 0x5678), 12_345_678),
        ("bcd", (0x0042,), 42),
    ],
)
def test_decimal_words_are_read_by_their_digits(point_type: PointType, words: tuple[int, ...], number: int) -> None:
    """Words of base 10000 and of packed digits mean the number that their digits spell, sign included."""
    point = energy(point_type, words=len(words))
    assert number_of(point, take_count(point, words)) == number
    little = replace(point, word_order="little")
    assert take_count(little, words[::-1]) == take_count(point, words)


@pytest.mark.parametrize(
    ("point_type", "words"),
    [
        ("m10k", (1, 10_000)),
        ("m10k", (10_000, 0)),
        ("m10k", (0xFFFF, 0xFFFF)),
        ("m10ks", (0xD8F0, 0)),
        ("m10ks", (0, 10_000)),
        ("bcd", (0x000A,)),
        ("bcd", (0xFFFF, 0xFFFF)),
    ],
)
def test_digits_that_do_not_exist_give_no_reading(point_type: PointType, words: tuple[int, ...]) -> None:
    """A word beyond 9999 or a digit beyond 9 is refused instead of carried over, in the first word too."""
    with pytest.raises(DecodeError, match=f"are no {point_type}"):
        take_count(energy(point_type, words=len(words)), words)


@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_is_read_exactly(value: float) -> None:
    """The number read is the binary number sent, to the last digit."""
    raw = int.from_bytes(struct.pack(">f", value), "big")
    assert number_of(energy("f32"), raw) == Fraction(value)


@pytest.mark.parametrize("raw", [0x7FC00000, 0xFFFFFFFF, 0x7F800000, 0xFF800000])
def test_a_float_that_is_no_number_is_not_available(raw: int) -> None:
    """NaN and the infinities are no values, listed or not."""
    with pytest.raises(NotAvailableError, match="is not a number"):
        take_count(energy("f32"), (raw >> 16, raw & 0xFFFF))


def test_a_listed_pattern_is_not_available() -> None:
    """Exactly the patterns that the profile lists mean no value, and zero is not among them."""
    point = energy(not_available=(0x80000000,))
    for read in (take_count, meter_value):
        with pytest.raises(NotAvailableError, match="holds 0x80000000, which means no value"):
            read(point, (0x8000, 0x0000))
    assert take_count(point, (0x7FFF, 0xFFFF)) == 0x7FFFFFFF
    assert take_count(point, (0, 0)) == 0
    assert take_count(energy("f32"), (0, 0)) == 0


def test_a_sentinel_is_listed_as_the_count_it_is() -> None:
    """The pattern is compared after word and byte order are undone, so a profile lists it as its manual prints it."""
    point = energy("u32", not_available=(0x80000001,), word_order="little", byte_order="little")
    with pytest.raises(NotAvailableError):
        take_count(point, (0x0100, 0x0080))


def test_a_text_ends_at_the_first_nul() -> None:
    """What stands behind the first NUL is left over from something else and is not shown."""
    elkor_make = (0x456C, 0x6B6F, 0x7200, 0x2048, 0x6172)
    assert text_value(energy("text"), elkor_make) == "Elkor"


def test_a_text_loses_only_its_padding() -> None:
    """Blanks around a text are padding, blanks within are not."""
    shark_name = (0x4531, 0x3431, 0x2053, 0x6861, 0x726B, 0x2031, 0x3030, 0x2020)
    assert text_value(energy("text"), shark_name) == "E141 Shark 100"


def test_a_text_can_have_one_character_a_word() -> None:
    """Socomec's maker is the letters SOCO, each in a word of its own, wherever in the word the octet order puts it."""
    assert text_value(energy("text1"), (0x0053, 0x004F, 0x0043, 0x004F, 0, 0x0041)) == "SOCO"
    assert text_value(energy("text1", byte_order="little"), (0x5300, 0x4F00, 0x4300, 0x4F00)) == "SOCO"
    assert text_value(energy("text", byte_order="little"), (0x4F53, 0x4F43)) == "SOCO"


@pytest.mark.parametrize(
    ("point_type", "word"), [("text", 0x0141), ("text", 0x41FF), ("text", 0x7F41), ("text1", 0x4141), ("text1", 0x00FF)]
)
def test_octets_that_are_no_text_are_refused(point_type: PointType, word: int) -> None:
    """Control characters, octets beyond ASCII and two characters where one belongs mean that this is no text."""
    with pytest.raises(DecodeError, match=f"the words {word:04x} are not a text"):
        text_value(energy(point_type), (word,))


@pytest.mark.parametrize(
    ("scale", "unit", "exponent"),
    [("0.1", "kWh", 2), ("1", "Wh", 0), ("1", "MWh", 6), ("10", "kWh", 4), ("0.001", "Wh", -3), ("1E+1", "Wh", 1)],
)
def test_energy_is_brought_to_wh_by_a_power_of_ten(scale: str, unit: str, exponent: int) -> None:
    """Unit and scale together become one exponent over Wh."""
    assert energy_exponent(energy(scale=Decimal(scale), unit=unit)) == exponent


@pytest.mark.parametrize(("scale", "unit"), [("0.25", "kWh"), ("2", "Wh"), ("0.1", "varh"), ("0", "Wh")])
def test_energy_that_no_exponent_can_say_is_refused(scale: str, unit: str) -> None:
    """A scale that is no power of ten, or a unit that is no energy, is refused instead of rounded."""
    with pytest.raises(DecodeError):
        energy_exponent(energy(scale=Decimal(scale), unit=unit))


def test_a_register_carries_all_that_a_reader_needs() -> None:
    """A description holds sign, unit, exponent, width, kind, rollover and where it was read."""
    point = energy(sign=-1, scale=Decimal(1), unit="Wh", modulus=None, scale_source=ScaleSource("shark-format", 0x7535))
    point = replace(point, function_code=4)
    register = describe_register(point, obis="1-0:2.8.0", address=1099, scale_word=0x3362)
    assert (register.unit, register.scale_exponent, register.sign, register.rollover_counts) == ("Wh", 4, -1, 10**8)
    assert (register.width_bits, register.kind, register.word_order) == (32, "s", "big")
    assert (register.obis, register.function_code, register.address) == ("1-0:2.8.0", 4, 1099)


@pytest.mark.parametrize(
    ("point_type", "kind"),
    [("i32", "s"), ("u32", "u"), ("acc64", "u"), ("f32", "f"), ("m10ks", "m10ks"), ("bcd", "bcd")],
)
def test_the_kind_says_how_to_read_the_pattern(point_type: PointType, kind: str) -> None:
    """Signed, unsigned and float registers are told apart on the wire."""
    assert describe_register(energy(point_type), obis="1-0:2.8.0", address=0).kind == kind


def test_a_register_is_not_described_without_its_scale_word() -> None:
    """A point whose scale stands in the meter has no meaning without it."""
    point = energy(scale_source=ScaleSource("power-of-ten", 54))
    with pytest.raises(DecodeError, match="scale word"):
        describe_register(point, obis="1-0:2.8.0", address=0)


@given(words=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)), exponent=st.integers(-10, 10))
def test_a_register_and_the_meter_agree_on_the_energy(words: tuple[int, int], exponent: int) -> None:
    """Sign times count times ten to the exponent is, exactly, what the meter shows, in Wh."""
    point = energy(sign=-1, scale_source=ScaleSource("power-of-ten", 54))
    register = describe_register(point, obis="1-0:2.8.0", address=0, scale_word=exponent % 0x10000)
    count = number_of(point, raw_count(words, point.word_order))
    shown_kwh = meter_value(point, words, exponent % 0x10000)
    assert register.sign * count * Fraction(10) ** register.scale_exponent == point.sign * shown_kwh * 1000
