"""Properties of the worth of a count, and of where a register wraps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.profiles import load_profile
from simulators.errors import MeterSetupError
from simulators.scale import RegisterScale, find_scale

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
    ],
)
def test_shark_format_word(word: int, wh_per_count: int, digits: int) -> None:
    """The format word says prefix, decimals and digits."""
    assert find_scale(SHARK, word) == RegisterScale(wh_per_count, 10**digits)


def test_scales_of_the_other_families() -> None:
    """A WattNode counts 0.1 kWh to 100 GWh, a SunSpec meter its power of ten to 32 bits."""
    assert find_scale(WATTNODE, 0) == RegisterScale(100, 10**9)
    assert find_scale(SUNSPEC, 0) == RegisterScale(1, 2**32)
    assert find_scale(SUNSPEC, 2) == RegisterScale(100, 2**32)
    assert find_scale(replace(WATTNODE, modulus=None), 0).modulus == 2**31


@pytest.mark.parametrize(
    ("word", "expected"), [(0x3312, "must be 0, 3 or 6, not 1"), (0x3301, "would be 1/10 Wh"), (0x3334, "1/10 Wh")]
)
def test_impossible_formats_are_refused(word: int, expected: str) -> None:
    """A format without a unit, or with counts finer than a watt-hour, is refused."""
    with pytest.raises(MeterSetupError, match=expected):
        find_scale(SHARK, word)


def test_a_register_counts_energy_only() -> None:
    """A unit that is no energy is refused."""
    with pytest.raises(MeterSetupError, match="'kvarh', which is no energy"):
        find_scale(replace(WATTNODE, unit="kvarh"), 0)


@given(st.integers(0, 10**15), st.integers(1, 10_000), st.integers(2, 10**9))
def test_counts_are_whole_and_wrap(energy_wh: int, wh_per_count: int, modulus: int) -> None:
    """The count is the whole counts of the energy, less whole turns of the register."""
    count = RegisterScale(wh_per_count, modulus).count(energy_wh)
    turns, rest = divmod(energy_wh - count * wh_per_count, modulus * wh_per_count)
    assert 0 <= count < modulus
    assert turns >= 0
    assert 0 <= rest < wh_per_count
