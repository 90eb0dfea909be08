"""Strips of shares: an hour is as wide as its share, and one that nobody knows is not an empty one."""

from __future__ import annotations

from hub.charts.chart import Style, Words
from hub.charts.shares import Share, ShareDay, share_strip

WORDS = Words("s", "Heard", "A column a day.")
ALL, HALF, NONE = Share(8, 8), Share(4, 8), Share(0, 8)


def test_an_hour_is_as_wide_as_its_share() -> None:
    """A whole one has another shade, none leaves its place empty, and dashes are where nobody knows."""
    chart = share_strip(WORDS, [ShareDay("1 July", "1", (ALL, HALF, NONE, None), ("7",))], ("Readings",))
    assert chart is not None
    (group,) = chart.groups
    paths = {mark.style: mark.path for mark in group.marks}
    assert paths == {
        Style.GRID: "M0 0h875v48h-875z",
        Style.PART: "M0 36h875v12h-875z",
        Style.BAR: "M0 12h437v12h-437z",
        Style.FULL: "M0 0h875v12h-875z",
    }
    assert chart.tables[0].columns == ("Day", "Share", "Lowest hour", "Hours unknown", "Readings")
    assert chart.tables[0].rows == (("1 July", "50.0\u00a0%", "0.0\u00a0%", "1", "7"),)
    assert group.words == "1 July: 50.0\u00a0%, 0.0\u00a0% in the lowest hour, 1 hour unknown"


def test_only_a_whole_is_a_hundred_per_cent() -> None:
    """One of many that is missing is seen in the number."""
    chart = share_strip(WORDS, [ShareDay("1 July", "1", (Share(99_999, 100_000),))])
    assert chart is not None
    assert chart.tables[0].rows[0][1] == "99.9\u00a0%"
    assert {mark.style for mark in chart.groups[0].marks} == {Style.GRID, Style.BAR}


def test_a_few_of_many_are_seen() -> None:
    """However narrow."""
    chart = share_strip(WORDS, [ShareDay("1 July", "1", (Share(1, 100_000),))])
    assert chart is not None
    assert chart.groups[0].marks[1].path == "M0 0h1v12h-1z"


def test_where_nothing_is_known_nothing_is_told() -> None:
    """Neither of a day without a look, nor of one without a device; and no day is no chart."""
    days = [ShareDay("1 July", "1", (None, None)), ShareDay("2 July", "2", (Share(0, 0),) * 25)]
    chart = share_strip(WORDS, days)
    assert chart is not None
    assert [row[1:] for row in chart.tables[0].rows] == [("-", "-", "2"), ("-", "-", "0")]
    assert [one.words for one in chart.groups] == ["1 July: nothing known, 2 hours unknown", "2 July: nothing known"]
    assert chart.height == 25 * 12
    assert share_strip(WORDS, []) is None
