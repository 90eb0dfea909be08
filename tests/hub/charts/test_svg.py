"""SVG text: well-formed, named, without style of its own on a page and with ink of its own on paper."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import chain

import pytest

from hub.charts.bars import Slot, bar_chart
from hub.charts.chart import Chart, Group, Mark, Style, Words
from hub.charts.lines import Line, Say, step_chart
from hub.charts.strips import Day, Level, heat_strip
from hub.charts.svg import draw_svg

SVG = "{http://www.w3.org/2000/svg}"
WORDS = Words("c", 'Of <Barn> & "roof"', "A < B")


def _charts() -> list[Chart]:
    slots = [Slot("July", "J", 5, href='?a=1&b="2"'), Slot("August", "A", 9, whole=False, expected=3, band=(1, 6))]
    days = [Day("1 July", "1", (Level.FULL, Level.SOME)), Day("2 July", "2", (Level.NONE,) * 2)]
    lines = [Line(str(number), ((0, 1), (9, 2))) for number in range(4)]
    found = [
        bar_chart(WORDS, slots, str, "Month"),
        heat_strip(WORDS, days),
        step_chart(WORDS, lines, Say(str, str, str, ("At", "Register"))),
        Chart(WORDS, labels=("", "Jul"), height=40),
    ]
    return [chart for chart in found if chart is not None]


@pytest.mark.parametrize("inked", [False, True])
def test_every_kind_is_well_formed_and_named(inked: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """Names are text, wherever they come from; nothing asks the policy for style."""
    for chart in _charts():
        root = ET.fromstring(draw_svg(chart, inked=inked))  # noqa: S314 - our own text
        assert root.find(f"{SVG}title") is not None
        assert root.findtext(f"{SVG}title") == WORDS.title
        assert root.findtext(f"{SVG}desc") == WORDS.text
        assert root.get("aria-labelledby") == "c-title"
        assert not any("style" in element.attrib for element in root.iter())


def test_a_drawing_whose_words_stand_beside_it_has_no_alternative_inside() -> None:
    """Paper tells it in a way of its own, and knows no such elements."""
    for chart in _charts():
        root = ET.fromstring(draw_svg(chart, inked=True, is_told=False))  # noqa: S314 - our own text
        assert not {f"{SVG}title", f"{SVG}desc"} & {element.tag for element in root.iter()}


def test_a_page_has_classes_and_stops_for_the_keyboard() -> None:
    """Bars lead on or can be stopped at; a drawing without them is one picture."""
    bars, heat, *_ = _charts()
    root = ET.fromstring(draw_svg(bars))  # noqa: S314 - our own text
    assert root.get("role") == "group"
    (link,) = root.iter(f"{SVG}a")
    assert (link.get("href"), link.get("aria-label")) == ('?a=1&b="2"', "July: 5")
    (stop,) = root.iter(f"{SVG}g")
    assert (stop.get("tabindex"), stop.findtext(f"{SVG}title")) == ("0", "August: 9, 3 expected")
    assert all(path.get("class") and not path.get("fill") for path in root.iter(f"{SVG}path"))
    assert ET.fromstring(draw_svg(heat)).get("role") == "img"  # noqa: S314 - our own text


def test_paper_has_ink_and_words_and_no_ways_on() -> None:
    """Where no style sheet reaches, every path says its colour, and the axes stand in the drawing."""
    for chart in _charts():
        root = ET.fromstring(draw_svg(chart, inked=True))  # noqa: S314 - our own text
        assert root.get("role") == "img"
        assert all(path.get("fill") and not path.get("class") for path in root.iter(f"{SVG}path"))
        words = [text.text for text in root.iter(f"{SVG}text")]
        assert words == [word for word in chain(chart.scale, chart.span, chart.labels) if word]
        assert not list(root.iter(f"{SVG}a"))
        assert "tabindex" not in draw_svg(chart, inked=True)


def test_every_style_has_ink() -> None:
    """None is invisible on paper, and no two look alike."""
    marks = [Mark("M0 0H9", style) for style in Style]
    chart = Chart(WORDS, groups=(Group("all", tuple(marks)),))
    root = ET.fromstring(draw_svg(chart, inked=True))  # noqa: S314 - our own text
    looks = [tuple(sorted(path.attrib.items())) for path in root.iter(f"{SVG}path")]
    assert len(set(looks)) == len(Style)


def test_a_low_drawing_is_a_strip() -> None:
    """The style sheet gives it less room."""
    assert 'class="low"' in draw_svg(Chart(WORDS, height=40))
    assert 'class="low"' not in draw_svg(Chart(WORDS))
