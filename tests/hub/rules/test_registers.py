"""Raw counts as exact energy."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules.registers import Scale, energies_wh, energy_wh

PLAIN = Scale(unit="Wh", exponent=0, width_bits=32, kind="u", sign=1, rollover_counts=10**9, ratio=(1, 1))


@given(
    st.integers(0, 2**32 - 1),
    st.integers(-6, 6),
    st.sampled_from((1, -1)),
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
)
def test_energy_is_the_floor_of_the_exact_value(raw: int, exponent: int, sign: int, ratio: tuple[int, int]) -> None:
    """The count times scale and ratio, as a fraction, floored once."""
    exact = sign * raw * Fraction(10) ** exponent * Fraction(*ratio)
    assert energy_wh(raw, replace(PLAIN, exponent=exponent, sign=sign, ratio=ratio)) == exact // 1


@given(st.integers(-(2**31), 2**31 - 1))
def test_signed_counts_are_twos_complement(count: int) -> None:
    """A register that counts downwards is turned by its sign."""
    assert energy_wh(count % 2**32, replace(PLAIN, kind="s", sign=-1)) == -count


@given(st.floats(0, 2.0**60, width=32))
def test_float_registers_lose_nothing(value: float) -> None:
    """The bit pattern of a float means exactly the number it is."""
    (raw,) = struct.unpack(">I", struct.pack(">f", value))
    assert energy_wh(raw, replace(PLAIN, kind="f")) == Fraction(value) // 1


@pytest.mark.parametrize(
    ("raw", "scale"),
    [
        (0x7FC00000, replace(PLAIN, kind="f")),
        (0x7F800000, replace(PLAIN, kind="f")),
        (1 << 32, PLAIN),
        (5, replace(PLAIN, unit="W")),
        (1 << 63, replace(PLAIN, width_bits=64)),
        (5, replace(PLAIN, kind="x")),
    ],
)
def test_a_count_without_energy_gives_none(raw: int, scale: Scale) -> None:
    """Not a number, too wide, another unit, too large, unknown form: no energy is invented."""
    assert energy_wh(raw, scale) is None


@given(
    st.lists(st.one_of(st.integers(0, 9), st.integers(-1, 2**65)), max_size=5),
    st.sampled_from((PLAIN, replace(PLAIN, width_bits=64), replace(PLAIN, exponent=1), replace(PLAIN, kind="s"))),
)
def test_a_column_of_counts_is_each_of_them(counts: list[int], scale: Scale) -> None:
    """Many counts of a register give what each gives by itself."""
    assert energies_wh(counts, scale) == [energy_wh(count, scale) for count in counts]


def test_resolution_and_modulus_are_whole() -> None:
    """A step below 1 Wh shows as 1 Wh; a modulus that is no whole number of Wh is not used."""
    assert replace(PLAIN, exponent=2).resolution_wh == 100
    assert replace(PLAIN, exponent=-3).resolution_wh == 1
    assert replace(PLAIN, exponent=2).modulus_wh == 10**11
    assert replace(PLAIN, exponent=-3, rollover_counts=1500).modulus_wh is None
