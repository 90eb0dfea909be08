"""Thresholds as people set them: from an instant on, with a reason, and the look of each minute takes what holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hub.alerting.life import Standing
from hub.alerting.rules import Code
from hub.alerting.thresholds import COMING_MAX, Change
from hub.errors import InputError, OutdatedError, UnknownSubjectError
from hub.services.accept_blocks import accept_blocks
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.read_alerts import read_open
from hub.services.read_thresholds import load_thresholds, read_threshold, read_thresholds, tag_threshold
from hub.services.set_threshold import set_threshold
from hub.store import audit_log, thresholds
from tests.hub.making import NOW, TERMS, made_log

if TYPE_CHECKING:
    from hub.store.database import Database

DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
SILENT, BACKLOG = "device_silent_hours", "backlog_blocks"


def change(database: Database, value: int | None, from_at: int = NOW, now: int = NOW, name: str = SILENT) -> bool:
    """Set a threshold."""
    return set_threshold(database, Change(name, value, from_at), actor="olga", now=now, reason="as agreed")


def held(database: Database, at: int, name: str = SILENT) -> int:
    """Return what holds."""
    with database.read() as connection:
        return load_thresholds(connection, at)[name]


def test_a_change_holds_from_its_instant_on_and_is_in_the_log(database: Database) -> None:
    """Before it the default holds, and again once it was taken back to."""
    assert change(database, 48, NOW + DAY_MS)
    assert change(database, None, NOW + 2 * DAY_MS, NOW + DAY_MS)
    assert [held(database, NOW + days * DAY_MS) for days in (0, 1, 2)] == [24, 48, 24]
    with database.read() as connection:
        (back, said) = thresholds.list_history(connection, SILENT, 10)
        assert (back.change, said.change) == (Change(SILENT, None, NOW + 2 * DAY_MS), Change(SILENT, 48, NOW + DAY_MS))
        assert thresholds.list_history(connection, SILENT, 10, before=back.number) == (said,)
        assert thresholds.list_history(connection, SILENT, 1) == (back,)
        entries = audit_log.list_audit(connection, subject=SILENT)
    assert {one.action for one in entries} == {"set alert threshold"}
    assert [(json.loads(one.before)["value"], json.loads(one.after)["value"]) for one in entries] == [
        (48, None),
        (None, 48),
    ]
    assert {(one.actor, one.reason) for one in entries} == {("olga", "as agreed")}
    assert (said.recorded.actor, said.recorded.at, said.recorded.reason) == ("olga", NOW, "as agreed")


def test_what_holds_already_is_nothing_new(database: Database) -> None:
    """Nothing is kept twice, and the default cannot be taken back to where it holds."""
    assert not change(database, None)
    assert change(database, 48)
    assert not change(database, 48, NOW + DAY_MS)
    with database.read() as connection:
        assert len(thresholds.list_changes(connection)) == len(audit_log.list_audit(connection, subject=SILENT)) == 1


def test_each_stands_with_what_holds_and_what_comes(database: Database) -> None:
    """One of them as in the list of all; what is to come is replaced at its own instant."""
    change(database, 48)
    change(database, 72, NOW + DAY_MS)
    change(database, 96, NOW + DAY_MS)
    change(database, 30, NOW + DAY_MS, name=BACKLOG)
    with database.read() as connection:
        every = {one.threshold.name: one for one in read_thresholds(connection, NOW)}
        assert read_threshold(connection, SILENT, NOW) == every[SILENT]
        with pytest.raises(UnknownSubjectError, match="no threshold 'x'"):
            read_threshold(connection, "x", NOW)
    assert every[SILENT].value == 48
    assert every[SILENT].coming == (Change(SILENT, 96, NOW + DAY_MS),)
    assert every[BACKLOG].value == 24
    assert [one.value for one in every[BACKLOG].coming] == [30]
    change(database, 48, NOW + DAY_MS)
    with database.read() as connection:
        assert read_threshold(connection, SILENT, NOW).coming == ()


@pytest.mark.parametrize(
    ("wish", "reason", "says"),
    [
        (Change(SILENT, 0, NOW), "x", "device_silent_hours is from 1 to 720 hours, not 0"),
        (Change(SILENT, 721, NOW), "x", "not 721"),
        (Change(SILENT, 48, NOW - 1), "x", "has passed: a threshold changes now or later"),
        (Change(SILENT, 48, NOW + 400 * DAY_MS), "x", "more than 366 days off"),
        (Change(SILENT, 48, NOW), " ", "without a reason"),
        (Change("boredom", 1, NOW), "x", "no threshold 'boredom'"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_kept(database: Database, wish: Change, reason: str, says: str) -> None:
    """In one sentence."""
    with pytest.raises((InputError, UnknownSubjectError), match=says):
        set_threshold(database, wish, actor="olga", now=NOW, reason=reason)
    with database.read() as connection:
        assert thresholds.list_changes(connection) == ()


def test_so_many_changes_may_wait(database: Database) -> None:
    """Of one threshold; another has its own, and one that waits may still be changed."""
    for place in range(1, COMING_MAX + 1):
        change(database, 24 + place, NOW + place * HOUR_MS)
    with pytest.raises(InputError, match="10 changes are to come already"):
        change(database, 99, NOW + DAY_MS)
    assert change(database, 99, NOW + HOUR_MS)
    assert change(database, 99, NOW + DAY_MS, name=BACKLOG)


def test_a_change_of_what_somebody_else_has_changed_is_refused(database: Database) -> None:
    """Who saw what holds changes it; another threshold's change is none of it."""
    with database.read() as connection:
        seen = tag_threshold(connection, SILENT, NOW)
    change(database, 30, name=BACKLOG)
    wish = Change(SILENT, 48, NOW)
    assert set_threshold(database, wish, actor="olga", now=NOW, reason="x", only_if=seen)
    with pytest.raises(OutdatedError, match="somebody changed this"):
        set_threshold(database, Change(SILENT, 50, NOW), actor="bea", now=NOW, reason="x", only_if=seen)
    assert held(database, NOW) == 48


def test_a_tag_is_another_once_what_was_to_come_has_come(database: Database) -> None:
    """For then something else holds, although nobody said anything."""
    change(database, 48, NOW + 5)
    with database.read() as connection:
        tags = [tag_threshold(connection, SILENT, NOW + later) for later in (0, 4, 5, 6)]
    assert tags[0] == tags[1] != tags[2] == tags[3]


def standing(database: Database, at: int) -> Standing | None:
    """Look at the fleet, and return how its silent device stands."""
    evaluate_alerts(database, 0, at)
    with database.read() as connection:
        found = [one.standing for one in read_open(connection, at) if one.kept.episode.code is Code.DEVICE_SILENT]
    return found[0] if found else None


def test_the_look_of_each_minute_takes_what_holds_then(registered: Database) -> None:
    """An alert fires by what holds, and is over by what holds later, after the time for which it is kept."""
    accept_blocks(registered, made_log([5, 9], per_block=2).arrivals(), TERMS, NOW)
    change(registered, 2, NOW + 5 * HOUR_MS)
    change(registered, 0, name="device_silent_for_minutes")
    change(registered, 10, name="device_silent_keep_minutes")
    assert standing(registered, NOW + 5 * HOUR_MS - 1) is None
    assert standing(registered, NOW + 5 * HOUR_MS) is Standing.FIRING
    change(registered, None, NOW + 6 * HOUR_MS, NOW + 6 * HOUR_MS)
    last = NOW + 5 * HOUR_MS
    assert standing(registered, last + 9 * MINUTE_MS + HOUR_MS) is None
    with registered.read() as connection:
        assert load_thresholds(connection, last)[SILENT] == 2
