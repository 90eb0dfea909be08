"""Thresholds: bounds, defaults, and which value holds at an instant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.alerting.rules import RULES, Code
from hub.alerting.thresholds import (
    COMING_MAX,
    DAYS_AHEAD_MAX,
    DEFAULTS,
    THRESHOLDS,
    Change,
    Thresholds,
    Unit,
    check_from,
    find_threshold,
    hold_at,
    list_coming,
)
from hub.errors import InputError, UnknownSubjectError

NOW = 1_700_000_000_000
BACKLOG, SILENT = "backlog_blocks", "device_silent_hours"
PAGE = Path(__file__).parents[3] / "docs" / "alerts.md"
each = pytest.mark.parametrize("name", THRESHOLDS)
CHANGES = st.lists(
    st.builds(Change, st.sampled_from([BACKLOG, SILENT]), st.none() | st.integers(1, 99), st.integers(0, 6)), max_size=9
)


_SPELT = {Unit.PER_CENT: "_per_cent", Unit.CELSIUS: "_celsius"}


@each
def test_a_default_is_within_its_bounds(name: str) -> None:
    """So are the bounds themselves, and nothing beyond."""
    one = THRESHOLDS[name]
    for value in (one.default, one.least, one.greatest):
        one.check(value)
    for value in (one.least - 1, one.greatest + 1):
        with pytest.raises(InputError, match=f"{name} is from {one.least} to {one.greatest}.*, not {value}"):
            one.check(value)


@each
def test_a_name_begins_with_its_rule_and_ends_with_its_unit(name: str) -> None:
    """So that what is set is clear where only the name stands."""
    one = THRESHOLDS[name]
    assert name.startswith(one.rule.value)
    assert name.endswith(_SPELT.get(one.unit, f"_{one.unit.value}s"))
    assert find_threshold(name) is one


def test_a_name_that_none_has() -> None:
    """It is said where they stand."""
    with pytest.raises(UnknownSubjectError, match="no threshold 'boredom': `meter-hub alerts thresholds list`"):
        find_threshold("boredom")
    with pytest.raises(KeyError):
        DEFAULTS["boredom"]


@pytest.mark.parametrize("code", Code)
def test_a_rule_holds_and_is_kept_by_default_as_it_says(code: Code) -> None:
    """And otherwise as long as was set."""
    assert DEFAULTS.rule(code) == RULES[code]
    changed = Thresholds({f"{code}_for_minutes": 7, f"{code}_keep_minutes": 9}).rule(code)
    assert (changed.for_ms, changed.keep_ms, changed.title) == (420_000, 540_000, RULES[code].title)


def test_a_value_is_said_with_its_unit() -> None:
    """One of it is one."""
    said = [THRESHOLDS[BACKLOG].say(1), THRESHOLDS[BACKLOG].say(2), THRESHOLDS["hub_space_warning_per_cent"].say(2)]
    assert said == ["1 block", "2 blocks", "2 %"]
    assert Thresholds({SILENT: 1}).say(SILENT) == "1 hour"


def test_the_last_to_begin_holds_and_what_is_said_later_of_one_instant() -> None:
    """Before the first the default holds, and again once it was taken back to."""
    changes = [Change(BACKLOG, 30, 10), Change(BACKLOG, 50, 30), Change(BACKLOG, 40, 20), Change(BACKLOG, None, 30)]
    assert [hold_at(changes, at)[BACKLOG] for at in (9, 10, 19, 20, 29, 30)] == [24, 30, 30, 40, 40, 24]
    assert hold_at(changes, 40) == DEFAULTS


@given(CHANGES, st.integers(0, 6))
def test_what_is_to_come_is_what_will_change(changes: list[Change], at: int) -> None:
    """Whoever knows what holds and what comes knows all that will hold, and nothing comes that changes nothing."""
    coming = list_coming(changes, at)
    known = [Change(name, value, at) for name, value in hold_at(changes, at).values.items()]
    for later in range(at, 8):
        assert hold_at([*known, *coming], later) == hold_at(changes, later)
    for change in coming:
        assert hold_at(changes, change.from_at - 1) != hold_at(changes, change.from_at)
        assert at < change.from_at


@pytest.mark.parametrize(
    ("from_at", "coming", "says"),
    [
        (NOW, 0, None),
        (NOW, COMING_MAX, None),
        (NOW + DAYS_AHEAD_MAX * 86_400_000, 0, None),
        (NOW + COMING_MAX, COMING_MAX, None),
        (NOW + COMING_MAX, COMING_MAX - 1, None),
        (NOW - 1, 0, "has passed: a threshold changes now or later"),
        (NOW + DAYS_AHEAD_MAX * 86_400_000 + 1, 0, "more than 366 days off"),
        (NOW + COMING_MAX + 1, COMING_MAX, "10 changes are to come already"),
    ],
)
def test_from_when_on_a_change_may_hold(from_at: int, coming: int, says: str | None) -> None:
    """From now on, for a year, and not too many at once."""
    known = [Change(BACKLOG, 30, NOW + place) for place in range(1, coming + 1)]
    if says is None:
        check_from(from_at, NOW, known)
        return
    with pytest.raises(InputError, match=says):
        check_from(from_at, NOW, known)


def test_the_page_lists_what_a_rule_compares_with() -> None:
    """`docs/alerts.md` has each with its default and bounds; the times of the rules follow from their table."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (\d+) to (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = [(name, default, int(least), int(greatest)) for name, default, least, greatest in rows]
    assert told == [
        (one.name, one.say(one.default), one.least, one.greatest)
        for one in THRESHOLDS.values()
        if not one.name.endswith(("_for_minutes", "_keep_minutes"))
    ]
