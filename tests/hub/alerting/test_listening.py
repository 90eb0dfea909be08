"""A break in what a hub hears: as of when devices are judged then."""

from __future__ import annotations

import pytest

from hub.alerting.listening import Listening

SETTLING = 120


@pytest.mark.parametrize(
    ("listening", "at", "expected"),
    [
        (Listening(1_000), 1_119, None),
        (Listening(1_000), 1_120, 1_120),
        (Listening(1_000, 400), 1_119, 400),
        (Listening(1_000, 400), 1_120, 1_120),
    ],
)
def test_devices_are_judged_as_of_before_the_break_until_they_had_time(
    listening: Listening, at: int, expected: int | None
) -> None:
    """A hub that never listened before tells nothing until then."""
    assert listening.judged_at(at, SETTLING) == expected


@pytest.mark.parametrize(
    ("last_at", "before"),
    [(1_120, 1_120), (1_119, 400), (None, 400)],
    ids=["settled", "not settled", "never looked"],
)
def test_a_break_so_soon_after_another_is_the_same(last_at: int | None, before: int) -> None:
    """Else who had not come back yet would be judged as if they had been there to be heard."""
    assert Listening(1_000, 400).break_off(1_180, last_at, SETTLING) == Listening(1_180, before)
