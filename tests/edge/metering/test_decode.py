"""Words to counts, values and scales."""

from __future__ import annotations

import struct
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.decode import (
    Scale,
    describe_register,
    energy_exponent,
    float_value,
    is_available,
    meter_value,
    raw_count,
    scale_of,
    signed_count,
    text_value,
)
from edge.metering.errors import DecodeError, NotAvailableError
from edge.metering.profile import Point, PointType, ScaleSource

WORDS = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=4)


def energy(point_type: PointType = "i32", **changes: object) -> Point:
    """Return an energy point in tenths of a kWh."""
    point = Point(
        name="energy",
        quantity="active_energy",
        direction="export",
        address=100,
        type=point_type,
        words=2,
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


@pytest.mark.parametrize(("point_type", "bits"), [("i16", 16), ("i32", 32), ("i64", 64)])
@given(chance=st.data())
def test_signed_counts_are_twos_complement(point_type: PointType, bits: int, chance: st.DataObject) -> None:
    """Every signed integer of the width comes back from its bit pattern."""
    value = chance.draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    assert signed_count(value % 2**bits, point_type) == value


@pytest.mark.parametrize("point_type", ["u16", "u32", "u64", "acc32"])
@given(raw=st.integers(0, 0xFFFF))
def test_unsigned_counts_are_their_pattern(point_type: PointType, raw: int) -> None:
    """An unsigned count is never read as negative, whatever its first bit."""
    raw <<= 48 if point_type == "u64" else 0
    assert signed_count(raw, point_type) == raw


@pytest.mark.parametrize("point_type", ["f32", "f64", "text"])
def test_what_is_no_count_is_refused_as_one(point_type: PointType) -> None:
    """A float or a text is never taken for an integer count."""
    with pytest.raises(DecodeError, match=point_type):
        signed_count(1, point_type)


@pytest.mark.parametrize("point_type", ["i32", "text"])
def test_what_is_no_float_is_refused_as_one(point_type: PointType) -> None:
    """An integer or a text is never taken for a float."""
    with pytest.raises(DecodeError, match=point_type):
        float_value(1, point_type)


def test_a_listed_pattern_is_shown_as_no_value() -> None:
    """What means "no value" has none, also for showing it."""
    with pytest.raises(NotAvailableError, match="0x80000000"):
        meter_value(energy(not_available=(0x80000000,)), (0x8000, 0x0000))


@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_is_read_exactly(value: float) -> None:
    """The decimal number read is the binary number sent, to the last digit."""
    raw = int.from_bytes(struct.pack(">f", value), "big")
    assert float_value(raw, "f32") == Decimal(value)


@pytest.mark.parametrize("raw", [0x7FC00000, 0xFFFFFFFF, 0x7F800000, 0xFF800000])
def test_a_float_that_is_no_number_is_not_available(raw: int) -> None:
    """NaN and the infinities are no values, listed or not."""
    with pytest.raises(NotAvailableError):
        float_value(raw, "f32")
    assert not is_available(energy("f32"), raw)


def test_a_listed_pattern_is_not_available() -> None:
    """Exactly the patterns that the profile lists mean no value."""
    point = energy(not_available=(0x80000000,))
    assert not is_available(point, 0x80000000)
    assert is_available(point, 0x7FFFFFFF)
    assert is_available(point, 0)
    assert is_available(energy("f32"), 0)


def test_a_text_ends_at_the_first_nul() -> None:
    """What stands behind the first NUL is left over from something else and is not shown."""
    elkor_make = (0x456C, 0x6B6F, 0x7200, 0x2048, 0x6172)
    assert text_value(elkor_make) == "Elkor"


def test_a_text_loses_only_its_padding() -> None:
    """Blanks around a text are padding, blanks within are not."""
    shark_name = (0x4531, 0x3431, 0x2053, 0x6861, 0x726B, 0x2031, 0x3030, 0x2020)
    assert text_value(shark_name) == "E141 Shark 100"


@pytest.mark.parametrize("word", [0x0141, 0x41FF, 0x7F41])
def test_octets_that_are_no_text_are_refused(word: int) -> None:
    """Control characters and octets beyond ASCII mean that these words are no text."""
    with pytest.raises(DecodeError):
        text_value((word,))


def test_the_shark_format_of_a_real_meter() -> None:
    """0x3362 says 8 digits, mega and 2 decimals: 10 kWh a count, wrapping at 10**8."""
    assert scale_of("shark-format", 0x3362) == Scale(4, 10**8)


@given(
    digits=st.integers(5, 8), scale=st.sampled_from([0, 3, 6]), decimals=st.integers(0, 6), rest=st.integers(0, 0xFFFF)
)
def test_every_shark_format_is_its_three_fields(digits: int, scale: int, decimals: int, rest: int) -> None:
    """Digits, energy scale and decimals decide, and no other bit of the format word does."""
    word = (rest & 0b1111_1100_1000_1000) | (digits - 5) << 8 | scale << 4 | decimals
    assert scale_of("shark-format", word) == Scale(scale - decimals, 10**digits)


@pytest.mark.parametrize("word", [0x3312, 0x3372, 0x3367])
def test_a_shark_format_that_no_manual_knows_is_refused(word: int) -> None:
    """An unknown energy scale or more than 6 decimals give no scale instead of a wrong one."""
    with pytest.raises(DecodeError, match="no Shark has"):
        scale_of("shark-format", word)


@given(exponent=st.integers(-10, 10))
def test_a_sunspec_scale_factor_is_a_signed_exponent(exponent: int) -> None:
    """Every exponent that SunSpec allows comes back from its word."""
    assert scale_of("power-of-ten", exponent % 0x10000) == Scale(exponent)


@pytest.mark.parametrize(("word", "error"), [(0x8000, NotAvailableError), (11, DecodeError), (0xFFF5, DecodeError)])
def test_a_sunspec_scale_factor_outside_its_range_is_refused(word: int, error: type[DecodeError]) -> None:
    """Not implemented is not available; anything beyond ten is no scale factor."""
    with pytest.raises(error):
        scale_of("power-of-ten", word)


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
    register = describe_register(point, obis="1-0:2.8.0", function_code=3, address=1099, scale_word=0x3362)
    assert (register.unit, register.scale_exponent, register.sign, register.rollover_counts) == ("Wh", 4, -1, 10**8)
    assert (register.width_bits, register.kind, register.word_order) == (32, "s", "big")
    assert (register.obis, register.function_code, register.address) == ("1-0:2.8.0", 3, 1099)


@pytest.mark.parametrize(("point_type", "kind"), [("i32", "s"), ("u32", "u"), ("acc32", "u"), ("f32", "f")])
def test_the_kind_says_how_to_read_the_pattern(point_type: PointType, kind: str) -> None:
    """Signed, unsigned and float registers are told apart on the wire."""
    assert describe_register(energy(point_type), obis="1-0:2.8.0", function_code=3, address=0).kind == kind


def test_a_register_is_not_described_without_its_scale_word() -> None:
    """A point whose scale stands in the meter has no meaning without it."""
    point = energy(scale_source=ScaleSource("power-of-ten", 54))
    with pytest.raises(DecodeError, match="scale word"):
        describe_register(point, obis="1-0:2.8.0", function_code=3, address=0)


@given(words=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)), exponent=st.integers(-10, 10))
def test_a_register_and_the_meter_agree_on_the_energy(words: tuple[int, int], exponent: int) -> None:
    """Sign times count times ten to the exponent is, exactly, what the meter shows, in Wh."""
    point = energy(sign=-1, scale_source=ScaleSource("power-of-ten", 54))
    register = describe_register(point, obis="1-0:2.8.0", function_code=3, address=0, scale_word=exponent % 0x10000)
    count = signed_count(raw_count(words, point.word_order), point.type)
    shown_kwh = meter_value(point, words, exponent % 0x10000)
    assert register.sign * count * Decimal(10) ** register.scale_exponent == point.sign * shown_kwh * 1000
