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


def test_no_day_looks_short_beside_one_whose_clocks_change() -> None:
    """Each is 24 hours of the clock high: one that came twice is two low cells, one that never came is an empty place.

    No path is drawn for a level that is nowhere.
    """
    twice, never = (0, 1, 1, *range(2, 24)), (0, 1, *range(3, 24))
    for clock, ground, cells in ((twice, "M0 12h500v12h-500z", 25), (never, "M0 24h500v12h-500z", 23)):
        chart = heat_strip(WORDS, [Day("6 November", "6", (FULL,) * len(clock), clock), *DAYS[:1]])
        assert chart is not None
        assert (chart.height, chart.scale[-1]) == (24 * 12, "24 h")
        paths = {mark.style: mark.path for mark in chart.marks}
        assert paths.keys() == {Style.GRID, Style.BAND, Style.FULL}
        assert paths[Style.BAND] == ground
        assert _cells(paths[Style.FULL]) == cells + 24
        assert "M0 276h438v12h-438z" in paths[Style.FULL], "the last hour of the day stands at the bottom"
        assert "M500 276h438v12h-438z" in paths[Style.FULL], "and so does that of any other day"
    whole = heat_strip(WORDS, [Day("6 November", "6", (FULL,) * 25, twice)])
    assert whole is not None
    assert "M0 13h875v4h-875zM0 19h875v4h-875zM0 24h875v12h-875z" in whole.marks[2].path


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
