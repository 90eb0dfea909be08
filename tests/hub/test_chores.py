"""Long work beside the pages: one at a time, with its steps, and with what came of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from hub.chores import Chore, Chores
from hub.errors import AlreadyRegisteredError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_700_000_000_000
WAIT_SECONDS = 30.0
ANOTHER = Chore("/others", "ones", "another", "bea", 1)


def test_one_at_a_time_with_its_steps() -> None:
    """While it goes on its steps are seen and another is refused; then it says what came of it."""
    chores, at_work, may_end = Chores(lambda: NOW), threading.Event(), threading.Event()

    def work(step: Callable[[int], object]) -> str:
        step(3)
        at_work.set()
        assert may_end.wait(WAIT_SECONDS)
        step(4)
        return "Seven."

    assert chores.latest is None
    begun = chores.begin(Chore("/counts", "numbers", "counting", "ann", 7), work)
    assert (begun.name, begun.actor, begun.begun_at, begun.goes_on) == ("counting", "ann", NOW, True)
    assert at_work.wait(WAIT_SECONDS)
    assert chores.latest is not None
    assert (chores.latest.done, chores.latest.ended_at) == (3, None)
    assert chores.latest_of("/counts") == chores.latest
    assert chores.latest_of("/others") is None, "another page does not look at it"
    with pytest.raises(AlreadyRegisteredError, match="counting goes on, begun by ann"):
        chores.begin(ANOTHER, lambda _: "")
    may_end.set()
    chores.wait(WAIT_SECONDS)
    assert (chores.latest.done, chores.latest.result, chores.latest.ended_at) == (7, "Seven.", NOW)
    assert not chores.latest.goes_on
    chores.begin(ANOTHER, lambda _: "One.")
    chores.wait(WAIT_SECONDS)
    assert chores.latest.result == "One."


def test_what_is_refused_is_told() -> None:
    """In the words of who refused it."""
    chores = Chores(lambda: NOW)

    def work(_step: Callable[[int], object]) -> str:
        message = "the month is closed"
        raise InputError(message)

    chores.begin(ANOTHER, work)
    chores.wait(WAIT_SECONDS)
    assert chores.latest is not None
    assert (chores.latest.problem, chores.latest.result) == ("the month is closed", "")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_ends_it_and_says_so() -> None:
    """It does not look as if it went on for ever, and the process is told as of any thread."""
    chores = Chores(lambda: NOW)
    chores.begin(ANOTHER, lambda _: str(1 // 0))
    chores.wait(WAIT_SECONDS)
    assert chores.latest is not None
    assert (chores.latest.ended_at, "met a bug" in chores.latest.problem) == (NOW, True)
