"""A link over time: spans that follow one another, begin with what is known, and are never too many to draw."""

from __future__ import annotations

from itertools import pairwise

from hub.fleet.links import PARTS_MAX, UNWATCHED, LinkChange, LinkSpan, link_spans

DAY_MS = 86_400_000
END = 1_700_000_000_000
START = END - 7 * DAY_MS


def test_spans_follow_one_another() -> None:
    """From how it was before the first change up to now."""
    changes = [LinkChange(START + DAY_MS, "online", "offline"), LinkChange(START + 2 * DAY_MS, "offline", "online")]
    assert link_spans(changes, "online", START, END) == (
        LinkSpan("online", START, START + DAY_MS),
        LinkSpan("offline", START + DAY_MS, START + 2 * DAY_MS),
        LinkSpan("online", START + 2 * DAY_MS, END),
    )


def test_without_a_change_it_was_so_all_the_time() -> None:
    """The link as it is now."""
    assert link_spans([], "offline", START, END) == (LinkSpan("offline", START, END),)


def test_before_the_first_look_nothing_is_told() -> None:
    """The spans begin with it; a time without looks later is a span like any other."""
    changes = [
        LinkChange(START + DAY_MS, UNWATCHED, "online"),
        LinkChange(START + 2 * DAY_MS, "online", UNWATCHED),
        LinkChange(START + 4 * DAY_MS, UNWATCHED, "online"),
    ]
    spans = link_spans(changes, "online", START, END)
    assert [one.link for one in spans] == ["online", UNWATCHED, "online"]
    assert spans[0].from_at == START + DAY_MS


def test_short_spans_in_a_row_are_told_as_their_worst() -> None:
    """A single short one between two long ones stays what it is, with its exact instants."""
    minute = 60_000
    alone = [LinkChange(START + DAY_MS, "online", "offline"), LinkChange(START + DAY_MS + minute, "offline", "online")]
    assert [one.link for one in link_spans(alone, "online", START, END)] == ["online", "offline", "online"]
    came_and_went = [
        LinkChange(START + place * 10 * minute, *(("online", "offline") if place % 2 else ("offline", "online")))
        for place in range(1, 1000)
    ]
    spans = link_spans(came_and_went, "offline", START, END)
    assert len(spans) <= 2 * PARTS_MAX
    assert spans[0].link == "offline"
    assert spans[0].changes > 1
    assert (spans[0].from_at, spans[-1].until_at) == (START, END)
    assert all(one.until_at == other.from_at for one, other in pairwise(spans))
