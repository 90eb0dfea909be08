"""What a scale word says, of each kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.errors import DecodeError, NotAvailableError
from edge.metering.scale import Scale, scale_of


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


def test_a_dent_scalar_is_one_of_six_steps() -> None:
    """From a thousandth to a hundredfold in steps of ten; above is nothing, and what 0 means is read in two ways."""
    assert [scale_of("dent-scalar", word).exponent for word in range(1, 7)] == [-3, -2, -1, 0, 1, 2]
    for word in (0, 7):
        with pytest.raises(DecodeError, match=f"the data scalar is {word}, and only 1 to 6"):
            scale_of("dent-scalar", word)
