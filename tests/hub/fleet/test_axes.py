"""The four axes of a device: each at its edges, and the worst of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.fleet.axes import UNREAD_MS, WORDS, Axis, Seen, Urgency, is_recent, judge_axes, worst_of
from hub.fleet.hearing import Link
from hub.fleet.standing import Standing

NOW = 1_700_000_000_000
OK, WARN, BAD = Urgency.OK, Urgency.WARN, Urgency.BAD
WELL = Seen("online", was_heard=True, is_heard=True, meters=2, standings=(Standing.READY,))


@pytest.mark.parametrize(
    ("seen", "axis", "word", "urgency"),
    [
        (WELL, Axis.LINK, "online", OK),
        (replace(WELL, link="offline"), Axis.LINK, "offline", WARN),
        (replace(WELL, link="late"), Axis.LINK, "late", WARN),
        (replace(WELL, link="silent"), Axis.LINK, "silent", BAD),
        (replace(WELL, link="never seen"), Axis.LINK, "never seen", WARN),
        (WELL, Axis.METER, "answering", OK),
        (replace(WELL, meters=0), Axis.METER, "none registered", OK),
        (replace(WELL, unread=2), Axis.METER, "not answering", BAD),
        (replace(WELL, unread=1), Axis.METER, "not answering: 1 of 2", BAD),
        (replace(WELL, is_heard=False, unread=1), Axis.METER, "not known", WARN),
        (replace(WELL, suspect=1, frozen=1), Axis.METER, "doubted", BAD),
        (replace(WELL, frozen=1), Axis.METER, "standing still", WARN),
        (WELL, Axis.DATA, "current", OK),
        (replace(WELL, was_heard=False), Axis.DATA, "nothing yet", OK),
        (replace(WELL, backlog=1), Axis.DATA, "backlog", WARN),
        (replace(WELL, backlog=1, beyond=1), Axis.DATA, "gap", WARN),
        (replace(WELL, backlog=1, beyond=1, contradicted=1), Axis.DATA, "conflict", BAD),
        (WELL, Axis.REPORT, "ready", OK),
        (replace(WELL, standings=()), Axis.REPORT, "not due", OK),
        (replace(WELL, standings=(Standing.ACCEPTED, Standing.AT_RISK)), Axis.REPORT, "at risk", BAD),
        (replace(WELL, standings=(Standing.HELD, Standing.READY)), Axis.REPORT, "held", WARN),
    ],
)
def test_each_axis_is_judged_for_itself(seen: Seen, axis: Axis, word: str, urgency: Urgency) -> None:
    """In a word, whatever the others are."""
    values = {one.axis: one for one in judge_axes(seen)}
    assert list(values) == list(Axis)
    assert (values[axis].text, values[axis].urgency) == (word, urgency)


def test_the_worst_axis_decides() -> None:
    """One that is bad is not outweighed by three that are well."""
    assert worst_of(judge_axes(WELL)) is OK
    assert worst_of(judge_axes(replace(WELL, backlog=3))) is WARN
    assert worst_of(judge_axes(replace(WELL, backlog=3, link="silent"))) is BAD


def test_every_way_of_being_heard_and_of_standing_has_its_urgency() -> None:
    """So that a new one cannot be forgotten."""
    for link in Link:
        judge_axes(replace(WELL, link=link.value))
    for standing in Standing:
        judge_axes(replace(WELL, standings=(standing,)))


def test_words_stand_in_order_of_urgency() -> None:
    """The worst first on every axis, for a board begins with it."""
    for axis, words in WORDS.items():
        urgencies = [list(Urgency).index(one) for one in words.values()]
        assert urgencies == sorted(urgencies), axis


def test_a_day_is_recent() -> None:
    """To the millisecond; what never was is not."""
    assert is_recent(NOW - UNREAD_MS, NOW)
    assert not is_recent(NOW - UNREAD_MS - 1, NOW)
    assert not is_recent(None, NOW)
