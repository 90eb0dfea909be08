"""What a look comes to: counts that add up, hours, and who has waited for longest."""

from __future__ import annotations

import pytest

from hub.errors import InputError
from hub.fleet.axes import Axis, Stand, Urgency, stand_at
from hub.fleet.looks import HOUR_MS, Came, Waiting, by_urgency, count_words, hour_of, is_in_hour, longest_of

NOW = 1_700_000_000_000


def test_every_device_is_counted_once_on_each_axis() -> None:
    """The worst word first; one at which none stands is left out."""
    counts = count_words(
        [
            ("online", "answering", "current", "ready"),
            ("online", "answering", "backlog", "ready"),
            ("silent", "not known", "current", "at risk"),
        ]
    )
    assert list(counts[Axis.LINK].items()) == [("silent", 1), ("online", 2)]
    assert all(sum(words.values()) == 3 for words in counts.values())
    assert by_urgency(counts, Axis.DATA) == {
        Urgency.BAD: (),
        Urgency.WARN: (("backlog", 1),),
        Urgency.OK: (("current", 2),),
    }
    assert count_words([]) == {axis: {} for axis in Axis}


def test_an_hour_has_a_beginning_and_a_length() -> None:
    """A whole hour before a look is asked, wherever in its own hour the look falls."""
    assert hour_of(NOW) % HOUR_MS == 0
    assert hour_of(hour_of(NOW)) == hour_of(NOW) <= NOW < hour_of(NOW) + HOUR_MS
    assert is_in_hour(NOW - HOUR_MS + 1, NOW)
    assert not is_in_hour(NOW - HOUR_MS, NOW)
    assert not is_in_hour(None, NOW)


def test_who_never_brought_a_block_has_waited_for_longest() -> None:
    """Then who has been without one since the earliest instant."""
    never, early, late = Waiting("a", "A", 1, None), Waiting("b", "B", 9, NOW - 5), Waiting("c", "C", 2, NOW)
    assert longest_of([late, early, never]) == never
    assert longest_of([late, early]) == early
    assert longest_of([]) is None


def test_what_came_is_added_and_taken_away() -> None:
    """Blocks with blocks, readings with readings."""
    assert Came(2, 30) + Came(1, 4) - Came(2, 4) == Came(1, 30)


def test_a_place_is_a_word_of_its_axis() -> None:
    """A word without its axis, or of another, is refused with those that there are."""
    assert stand_at(None, "") is None
    assert stand_at(Axis.DATA, "gap") == Stand(Axis.DATA, "gap")
    with pytest.raises(InputError, match="link, meter, data, report"):
        stand_at(None, "gap")
    with pytest.raises(InputError, match="silent, offline"):
        stand_at(Axis.LINK, "gap")
    with pytest.raises(InputError, match="conflict, gap"):
        stand_at(Axis.DATA, "")
