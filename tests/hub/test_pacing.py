"""Long work rests between its pieces, as long as they are, and ends with the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub import pacing
from hub.pacing import REST_SECONDS_MAX, Pace

if TYPE_CHECKING:
    import pytest


class Clock:
    """A clock that goes on by what is waited."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 100.0
        self.rests: list[float] = []
        monkeypatch.setattr(pacing, "monotonic_seconds", lambda: self.seconds)
        monkeypatch.setattr(pacing, "pause_seconds", self.rest)

    def rest(self, seconds: float) -> None:
        """Wait."""
        self.rests.append(round(seconds, 6))
        self.seconds += seconds


def test_it_rests_as_many_times_as_long_as_a_piece_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it rested is no piece; one that took long itself is not waited for as long again."""
    clock = Clock(monkeypatch)
    pace = Pace(lambda: False, 4)
    for took in (0.05, 0.2, 60.0, 0.01):
        clock.seconds += took
        assert not pace()
    assert clock.rests == [0.2, 0.8, REST_SECONDS_MAX, 0.04]


def test_the_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it has come nobody rests; where it comes in a rest, the work ends after that."""
    clock = Clock(monkeypatch)
    assert Pace(lambda: True, 4)()
    assert clock.rests == []
    clock.seconds += 0.1
    ended = iter([False, True])
    assert Pace(lambda: next(ended), 4)()
    assert len(clock.rests) == 1
