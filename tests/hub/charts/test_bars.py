"""Bars: every slot has its place, what has no number has no bar, and what was expected is told in words too."""

from __future__ import annotations

import itertools
import re

import pytest

from hub.charts.bars import Slot, bar_chart
from hub.charts.chart import HEIGHT, WIDTH, Style, Words, every_nth
from hub.charts.scales import nice_ceiling

WORDS = Words("b", "Production", "One bar a month.")


def test_a_zero_is_a_line_and_a_gap_is_not() -> None:
    """The chart tells a month in which nothing was generated from one without a number, which still has its row."""
    chart = bar_chart(
        WORDS, [Slot("July", "J", 0), Slot("August", "A", None), Slot("September", "S", 5000)], str, "Month"
    )
    assert chart is not None
    assert [group.words for group in chart.groups] == ["July: 0", "September: 5000"]
    assert [int(found) for group in chart.groups for found in re.findall(r"v(\d+)", group.marks[0].path)] == [2, 300]
    assert chart.tables[0].rows[1] == ("August", "no number", "-")
    assert bar_chart(WORDS, [], str, "Month") is None


def test_what_was_expected_lies_on_the_scale_of_the_bars() -> None:
    """The scale ends above both; the line is told with the bar and stands in the table, the band is cut at the top."""
    slots = [
        Slot("July", "J", 1000, whole=False, expected=4000, band=(1000, 9000), note="running", href="?m=7"),
        Slot("August", "A", None, expected=2000),
        Slot("September", "S", None),
    ]
    chart = bar_chart(WORDS, slots, str, "Month")
    assert chart is not None
    assert chart.scale == ("4000", "2000", "0")
    (group,) = chart.groups
    assert (group.words, group.href) == ("July: 1000, 4000 expected, running", "?m=7")
    assert [mark.style for mark in group.marks] == [Style.PART, Style.EXPECTED]
    bands = [mark for mark in chart.marks if mark.style is Style.BAND]
    assert len(bands) == 1
    assert f"v{HEIGHT - HEIGHT // 4}h" in bands[0].path
    assert sum(mark.style is Style.EXPECTED for mark in chart.marks) == 1
    assert chart.tables[0].columns == ("Month", "Production", "Expected", "State")
    assert [row[2] for row in chart.tables[0].rows] == ["4000", "2000", "-"]


@pytest.mark.parametrize("number", [1, 31, 400, WIDTH])
def test_bars_stay_inside_and_apart(number: int) -> None:
    """However many there are, none leaves the box and none covers its neighbour."""
    chart = bar_chart(WORDS, [Slot(str(place), "", 10) for place in range(number)], str, "Day")
    assert chart is not None
    found = [re.match(r"M(\d+) \d+h(\d+)v", group.marks[0].path) for group in chart.groups]
    boxes = [(int(one[1]), int(one[1]) + int(one[2])) for one in found if one]
    assert len(boxes) == number
    assert all(right <= left for (_, right), (left, _) in itertools.pairwise(boxes))
    assert 0 <= boxes[0][0] <= boxes[-1][1] <= WIDTH


@pytest.mark.parametrize(
    ("energy_wh", "ceiling_wh"),
    [(0, 2000), (2000, 2000), (2001, 3000), (999_999, 1_000_000), (1_050_000, 1_500_000), (7_158_390, 8_000_000)],
)
def test_a_scale_ends_on_a_round_number(energy_wh: int, ceiling_wh: int) -> None:
    """The top of a chart is the next round number."""
    assert nice_ceiling(energy_wh) == ceiling_wh


def test_names_are_left_out_where_there_is_no_room() -> None:
    """At most eight stand there, at even distances, the last one always."""
    shown = every_nth([str(day) for day in range(1, 32)])
    assert [name for name in shown if name] == ["3", "7", "11", "15", "19", "23", "27", "31"]
    assert every_nth([]) == ()
