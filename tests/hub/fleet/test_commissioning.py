"""A dial between two readings: what fits, what differs, and what proves nothing yet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.fleet.commissioning import DIAL_STEP_WH, NEAR_MS, Stand, Verdict, compare_dial

AT = 1_700_000_000_000


@pytest.mark.parametrize(
    ("dial_wh", "verdict"),
    [
        (10_000 - DIAL_STEP_WH, Verdict.MATCHES),
        (10_000 - DIAL_STEP_WH - 1, Verdict.DIFFERS),
        (10_250, Verdict.MATCHES),
        (10_500 + DIAL_STEP_WH, Verdict.MATCHES),
        (10_500 + DIAL_STEP_WH + 1, Verdict.DIFFERS),
        (0, Verdict.DIFFERS),
    ],
)
def test_a_dial_lies_between_its_neighbours(dial_wh: int, verdict: Verdict) -> None:
    """Give or take the last figure that it shows."""
    compared = compare_dial(Stand(AT, dial_wh), Stand(AT - 1, 10_000), Stand(AT + 1, 10_500))
    assert compared.verdict is verdict
    assert ("transformer ratio" in compared.text) == (verdict is Verdict.DIFFERS)


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (None, Stand(AT, 5), "within two hours before"),
        (Stand(AT - NEAR_MS - 1, 5), Stand(AT, 5), "within two hours before"),
        (Stand(AT, 5), None, "within two hours after"),
        (Stand(AT, 5), Stand(AT + NEAR_MS + 1, 5), "within two hours after"),
    ],
)
def test_without_a_near_reading_on_each_side_there_is_no_verdict(
    before: Stand | None, after: Stand | None, named: str
) -> None:
    """It says on which side one is missing."""
    compared = compare_dial(Stand(AT, 5), before, after)
    assert compared.verdict is Verdict.UNDECIDED
    assert named in compared.text


@given(st.integers(0, 10**12), st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_the_device_reads_always_fits_its_own_dial(wh: int, before: int, after: int) -> None:
    """A dial cut to whole kWh of a register between the two never differs."""
    dial = Stand(AT, (wh + before) // 1000 * 1000)
    assert compare_dial(dial, Stand(AT, wh), Stand(AT, wh + before + after)).verdict is Verdict.MATCHES
