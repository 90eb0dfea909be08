"""Lines: thinned to what can be seen with ends and extremes exact, level between readings, told apart by dashes."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from hub.charts.chart import HEIGHT, POINTS_MAX, WIDTH, Style, Words, line_classes
from hub.charts.lines import Line, Say, power_chart, step_chart
from hub.charts.sparkline import sparkline
from hub.charts.thinning import thin

WORDS = Words("l", "Register", "It rises.")
SAY = Say(str, str, str, ("At", "Register"))


@given(st.integers(0, 1 << 30), st.integers(0, 5000))
def test_thinning_keeps_ends_and_extremes(seed: int, number: int) -> None:
    """At most 800 points, out of those given and in their order, with the least and the greatest among them."""
    chance = Random(seed)  # noqa: S311 - of a test
    points = [(place * 60_000, chance.randrange(1_000_000)) for place in range(number)]
    kept = thin(points)
    assert len(kept) <= POINTS_MAX
    assert list(kept) == sorted(set(kept))
    assert set(kept) <= set(points)
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
        values = [value for _, value in points]
        assert {min(values), max(values)} <= {value for _, value in kept}


def test_a_register_stands_until_its_next_reading() -> None:
    """Its line goes level, then up; the ends of the box are its first and last reading."""
    chart = step_chart(WORDS, [Line("A", ((0, 10), (50, 10), (100, 30)))], SAY)
    assert chart is not None
    line = next(mark for mark in chart.marks if mark.style is Style.LINE)
    assert line.path == f"M0 {HEIGHT}H{WIDTH // 2}H{WIDTH}V0"
    assert (chart.scale, chart.span) == (("30", "10"), ("0", "100"))
    assert chart.tables[0].rows == (("0", "10"), ("50", "10"), ("100", "30"))
    assert chart.tables[0].place is None
    assert step_chart(WORDS, [Line("A", ())], SAY) is None


def test_one_reading_alone_is_a_point_and_no_error() -> None:
    """Neither time nor energy has an extent then."""
    chart = step_chart(WORDS, [Line("A", ((7, 10),))], SAY)
    assert chart is not None
    assert f"M0 {HEIGHT}" in {mark.path for mark in chart.marks}
    crowded = step_chart(WORDS, [Line("A", ((0, 0), (1, 5), (1_000_000, 10)))], SAY)
    assert crowded is not None
    assert f"M0 {HEIGHT}V150H{WIDTH}V0" in {mark.path for mark in crowded.marks}


def test_power_begins_at_nothing() -> None:
    """Its scale goes from 0 to a round number, and its line straight from point to point."""
    chart = power_chart(WORDS, [Line("A", ((0, 0), (100, 4500)))], SAY)
    assert chart is not None
    assert chart.scale == ("5000", "0")
    assert f"M0 {HEIGHT}L{WIDTH} {HEIGHT - 270}" in {mark.path for mark in chart.marks}
    assert power_chart(WORDS, [], SAY) is None


def test_lines_of_many_meters_differ() -> None:
    """Twelve meters have twelve styles, the first four differ in their dashes, and each table shows its line."""
    chart = step_chart(WORDS, [Line(str(number), ((0, 1), (9, 2))) for number in range(12)], SAY)
    assert chart is not None
    classes = [line_classes(mark.place) for mark in chart.marks if mark.style is Style.LINE]
    assert len(set(classes)) == 12
    assert len({one.split()[2] for one in classes[:4]}) == 4
    assert [table.place for table in chart.tables] == list(range(12))


def test_a_sparkline_needs_two_values() -> None:
    """It goes from the left edge to the right one."""
    chart = sparkline(WORDS, [0, 5, 10])
    assert chart is not None
    assert chart.marks[0].path == "M0 200L500 100L1000 0"
    assert sparkline(WORDS, [4]) is None
