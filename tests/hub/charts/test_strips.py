"""Strips: hours, days and states are told apart by shape, and their tables count the same."""

from __future__ import annotations

from hub.charts.chart import Style, Words
from hub.charts.strips import Day, Level, State, availability_strip, heat_strip, state_timeline

WORDS = Words("s", "Hours", "A column a day.")
FULL, SOME, NONE = Level.FULL, Level.SOME, Level.NONE
DAYS = (
    Day("1 July", "1", (FULL,) * 24),
    Day("2 July", "2", (*(FULL,) * 10, SOME, *(NONE,) * 13)),
    Day("3 July", "3", (NONE,) * 24),
)


def _cells(path: str) -> int:
    return path.count("z")


def test_hours_are_cells_by_level() -> None:
    """Each hour that was read is one cell; one with a part of its readings is narrower."""
    chart = heat_strip(WORDS, DAYS)
    assert chart is not None
    cells = {mark.style: mark.path for mark in chart.marks}
    assert (_cells(cells[Style.FULL]), _cells(cells[Style.BAR])) == (34, 1)
    assert "h292v12" in cells[Style.FULL]
    assert "h146v12" in cells[Style.BAR]
    assert chart.tables[0].rows == (
        ("1 July", "24 of 24 hours", "0"),
        ("2 July", "11 of 24 hours", "1"),
        ("3 July", "0 of 24 hours", "0"),
    )
    assert heat_strip(WORDS, []) is None


def test_a_day_of_25_hours_has_its_place() -> None:
    """Where the clocks go back the box is an hour higher, and no path is drawn for a level that is nowhere."""
    chart = heat_strip(WORDS, [Day("6 November", "6", (FULL,) * 25), *DAYS[:1]])
    assert chart is not None
    assert chart.height == 25 * 12
    assert {mark.style for mark in chart.marks} == {Style.GRID, Style.FULL}


def test_a_day_is_full_only_with_all_of_its_hours() -> None:
    """One cell a day, which says its count; an empty day is a frame."""
    chart = availability_strip(WORDS, DAYS)
    assert chart is not None
    assert [[mark.style for mark in group.marks] for group in chart.groups] == [
        [Style.GRID, Style.FULL],
        [Style.GRID, Style.BAR],
        [Style.GRID],
    ]
    assert chart.groups[1].words == "2 July: 11 of 24 hours"
    assert availability_strip(WORDS, []) is None


def test_states_follow_one_another_without_a_gap() -> None:
    """Each begins where the one before ends, and its height tells how good it is."""
    states = [
        State("June", 0, 30, FULL, "reported"),
        State("July", 30, 60, SOME, "estimated"),
        State("August", 60, 90, NONE, "missing"),
    ]
    chart = state_timeline(WORDS, states, ("Month", "State", "Reported"))
    assert chart is not None
    assert [group.marks[0].path.split("v")[0] for group in chart.groups] == ["M0 0h333", "M333 0h333", "M666 0h334"]
    assert [group.marks[1].path for group in chart.groups[:2]] == ["M0 0h333v40h-333z", "M333 20h333v20h-333z"]
    assert len(chart.groups[2].marks) == 1
    assert [row[2] for row in chart.tables[0].rows] == ["yes", "in part", "no"]
    assert state_timeline(WORDS, [], ("Month", "State", "Reported")) is None
