"""What a channel is told and when, and when what it did not take is tried again."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hub.alerting.retries import GIVE_UP_MS, JITTER_SHARE, WAITS_MS, next_try_at
from hub.alerting.rules import Severity
from hub.alerting.telling import HEARTBEAT_MS, Interest, is_heartbeat_due

NOW = 1_700_000_000_000
HOUR_MS = 3_600_000
CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


@pytest.mark.parametrize(
    ("least", "wanted"),
    [(CRITICAL, {CRITICAL}), (WARNING, {CRITICAL, WARNING}), (INFO, {CRITICAL, WARNING, INFO})],
)
def test_a_channel_wants_what_is_severe_enough(least: Severity, wanted: set[Severity]) -> None:
    """The least severe that it names, and all that is worse."""
    assert {one for one in Severity if Interest(least, 0).wants(one)} == wanted


@pytest.mark.parametrize(
    ("new", "last_at", "is_due"),
    [
        (set(), None, False),
        ({WARNING}, None, True),
        ({WARNING}, NOW - HOUR_MS + 1, False),
        ({WARNING}, NOW - HOUR_MS, True),
        ({WARNING, CRITICAL}, NOW, True),
        # A clock that was set back.
        ({WARNING}, NOW + 1, True),
    ],
)
def test_what_is_not_critical_is_gathered(new: set[Severity], last_at: int | None, is_due: bool) -> None:  # noqa: FBT001
    """An hour here; what is critical takes along what waits."""
    assert Interest(INFO, HOUR_MS).is_due(new, last_at, NOW) is is_due


def test_a_sign_of_life_comes_every_hour() -> None:
    """The first at once."""
    asked = (None, NOW - HEARTBEAT_MS + 1, NOW - HEARTBEAT_MS, NOW + 1)
    assert [is_heartbeat_due(last, NOW) for last in asked] == [True, False, True, True]


def test_tries_come_ever_more_rarely() -> None:
    """The first at once; each wait is the table's, up to a tenth longer, and the last one goes on for five days."""
    assert next_try_at("msg_1", 0, None) == 0
    at = 0
    waits: list[int] = []
    while at < GIVE_UP_MS:
        following = next_try_at("msg_1", len(waits) + 1, at)
        waits.append(following - at)
        at = following
    table = [*WAITS_MS, *[WAITS_MS[-1]] * len(waits)][: len(waits)]
    assert all(least <= wait <= least + least // JITTER_SHARE for least, wait in zip(table, waits, strict=True))
    assert len(WAITS_MS) < len(waits) < len(WAITS_MS) + 4
    assert all(earlier < later for earlier, later in pairwise(WAITS_MS))


def test_what_failed_together_is_not_tried_together() -> None:
    """And asking twice gives one answer."""
    due = {next_try_at(f"msg_{one}", 3, NOW) for one in range(100)}
    assert len(due) > 90
    assert next_try_at("msg_7", 3, NOW) == next_try_at("msg_7", 3, NOW)
