"""Properties of the worth of a count, and of where a register wraps."""

from __future__ import annotations

import struct
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.profile import ScaleSource
from edge.profiles import load_profile
from simulators.errors import MeterSetupError
from simulators.scale import RegisterScale, find_scale

if TYPE_CHECKING:
    from edge.metering.profile import PointType

WATTNODE = load_profile("ccs.wattnode-modbus").point("energy_in_nr")
SUNSPEC = load_profile("sunspec.meter-203").point("energy_export")
SHARK = load_profile("eig.shark-100").point("energy_received")


@pytest.mark.parametrize(
    ("word", "wh_per_count", "digits"),
    [
        (0x3362, 10_000, 8),  # a real plant's: mega with 2 decimals, SolarNetwork's Shark100DataTests
        (0x3332, 10, 8),
        (0x0030, 1_000, 5),
        (0x0166, 1, 6),
        (0x0200, 1, 7),
        (0x3301, Fraction(1, 10), 8),  # finer than a watt-hour
    ],
)
def test_shark_format_word(word: int, wh_per_count: Fraction, digits: int) -> None:
    """The format word says prefix, decimals and digits."""
    assert find_scale(SHARK, word) == RegisterScale(Fraction(wh_per_count), 10**digits, "i32")


def test_scales_of_the_other_families() -> None:
    """A WattNode counts 0.1 kWh to 100 GWh, a SunSpec meter its power of ten to 32 bits."""
    assert find_scale(WATTNODE, 0) == RegisterScale(Fraction(100), 10**9, "i32")
    assert find_scale(SUNSPEC, 0) == RegisterScale(Fraction(1), 2**32, "acc32")
    assert find_scale(SUNSPEC, 2) == RegisterScale(Fraction(100), 2**32, "acc32")
    assert find_scale(SUNSPEC, 0xFFFF) == find_scale(SUNSPEC, -1) == RegisterScale(Fraction(1, 10), 2**32, "acc32")
    assert find_scale(replace(WATTNODE, modulus=None), 0).modulus == 2**31


def test_a_dent_scalar_is_one_of_seven_steps() -> None:
    """DENT's scalar goes from a ten-thousandth to a hundredfold; what is beyond means nothing."""
    dent = replace(WATTNODE, scale=Decimal(1), scale_source=ScaleSource("dent-scalar", 4601))
    assert [find_scale(dent, word).wh_per_count for word in (0, 3, 4, 6)] == [Fraction(1, 10), 100, 1_000, 100_000]
    with pytest.raises(MeterSetupError, match="data scalar 7 means nothing"):
        find_scale(dent, 7)


@pytest.mark.parametrize("word", [0x3312, 0x3371])
def test_impossible_formats_are_refused(word: int) -> None:
    """A format without a unit is refused."""
    with pytest.raises(MeterSetupError, match="must be 0, 3 or 6"):
        find_scale(SHARK, word)


def test_a_register_counts_energy_only() -> None:
    """A unit that is no energy is refused."""
    with pytest.raises(MeterSetupError, match="'kvarh', which is no energy"):
        find_scale(replace(WATTNODE, unit="kvarh"), 0)


@given(st.integers(0, 10**15), st.fractions(Fraction(1, 100), 10_000), st.integers(2, 10**9))
def test_counts_are_whole_and_wrap(energy_wh: int, wh_per_count: Fraction, modulus: int) -> None:
    """The count is the whole counts of the energy, less whole turns of the register."""
    scale = RegisterScale(wh_per_count, modulus)
    count = scale.count(energy_wh)
    assert isinstance(count, int)
    turns, rest = divmod(energy_wh - count * wh_per_count, modulus * wh_per_count)
    assert 0 <= count < modulus
    assert turns >= 0
    assert 0 <= rest < wh_per_count
    assert scale.shown_wh(energy_wh) == count * wh_per_count // 1
    assert scale.step_wh(energy_wh) == scale.step_wh_max == -(-wh_per_count // 1)


@given(st.integers(0, 10**11), st.sampled_from([1, 100, 1_000]), st.sampled_from(["f32", "f64"]))
def test_a_float_shows_the_nearest_number_it_has(energy_wh: int, wh_per_count: int, kind: PointType) -> None:
    """What a float shows is at most half a step from the energy, and the next number is a step away."""
    scale = RegisterScale(Fraction(wh_per_count), 10**12, kind)
    count = scale.count(energy_wh)
    code = {"f32": ">f", "f64": ">d"}[kind]
    assert struct.unpack(code, struct.pack(code, count)) == (count,)
    assert abs(Fraction(count) * wh_per_count - energy_wh) <= Fraction(scale.step_wh(energy_wh), 2)
    assert 0 <= Fraction(count) * wh_per_count - scale.shown_wh(energy_wh) < 1
    assert scale.step_wh(energy_wh) <= scale.step_wh_max


def test_the_steps_of_a_float_in_kilowatt_hours() -> None:
    """A float of 24 bits steps by an eighth of a kilowatt-hour from 1,048,576 kWh on, by one from 8,388,608 on."""
    scale = RegisterScale(Fraction(1_000), 10**8, "f32")
    assert [scale.step_wh(kwh * 1_000) for kwh in (1_048_576, 8_388_608)] == [125, 1_000]
    assert scale.step_wh_max == 8_000
