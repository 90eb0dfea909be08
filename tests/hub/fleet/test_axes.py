"""The four axes of a device: each at its edges, and the worst of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.fleet.axes import UNREAD_MS, Axis, Seen, Urgency, judge_axes, worst_of
from hub.fleet.standing import Standing
from hub.services.read_devices import Link

NOW = 1_700_000_000_000
OK, WARN, BAD = Urgency.OK, Urgency.WARN, Urgency.BAD
WELL = Seen("online", NOW, (NOW, NOW), standings=(Standing.READY,))
OLD = NOW - UNREAD_MS - 1


@pytest.mark.parametrize(
    ("seen", "axis", "word", "urgency"),
    [
        (WELL, Axis.LINK, "online", OK),
        (replace(WELL, link="offline"), Axis.LINK, "offline", WARN),
        (replace(WELL, link="silent"), Axis.LINK, "silent", BAD),
        (replace(WELL, link="never seen"), Axis.LINK, "never seen", WARN),
        (WELL, Axis.METER, "answering", OK),
        (replace(WELL, read_at=()), Axis.METER, "none registered", OK),
        (replace(WELL, read_at=(NOW - UNREAD_MS,)), Axis.METER, "answering", OK),
        (replace(WELL, read_at=(OLD, None)), Axis.METER, "not answering", BAD),
        (replace(WELL, read_at=(OLD, NOW)), Axis.METER, "not answering: 1 of 2", BAD),
        (replace(WELL, heard_at=OLD, read_at=(OLD,)), Axis.METER, "not known", WARN),
        (replace(WELL, heard_at=None, read_at=(None,)), Axis.METER, "not known", WARN),
        (replace(WELL, suspect=1, frozen=1), Axis.METER, "doubted", BAD),
        (replace(WELL, frozen=1), Axis.METER, "standing still", WARN),
        (WELL, Axis.DATA, "current", OK),
        (replace(WELL, heard_at=None), Axis.DATA, "nothing yet", OK),
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
    values = {one.axis: one for one in judge_axes(seen, NOW)}
    assert list(values) == list(Axis)
    assert (values[axis].word, values[axis].urgency) == (word, urgency)


def test_the_worst_axis_decides() -> None:
    """One that is bad is not outweighed by three that are well."""
    assert worst_of(judge_axes(WELL, NOW)) is OK
    assert worst_of(judge_axes(replace(WELL, backlog=3), NOW)) is WARN
    assert worst_of(judge_axes(replace(WELL, backlog=3, link="silent"), NOW)) is BAD


def test_every_way_of_being_heard_and_of_standing_has_its_urgency() -> None:
    """So that a new one cannot be forgotten."""
    for link in Link:
        judge_axes(replace(WELL, link=link.value), NOW)
    for standing in Standing:
        judge_axes(replace(WELL, standings=(standing,)), NOW)
