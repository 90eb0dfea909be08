"""Charts as SVG text: with classes for our pages, whose policy forbids other style, or with ink for mail and paper."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from hub.charts.chart import DASHES, HUES, WIDTH, Style, line_classes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.charts.chart import Chart, Group, Mark

_ROOM = 4
"""So much stands free above and below, for the width of lines at the edge."""
_LOW = 100
"""A drawing that is not as high as that is a strip."""
_LEFT, _BELOW, _SIZE = 170, 40, 24
"""Where words stand beside a drawing with ink, and how large."""

_SUN, _BRAND, _SOFT, _DARK = "#d9940b", "#14555a", "#5a6569", "#1c2326"


def _line(colour: str, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'fill="none" stroke="{colour}" stroke-width="2.25"{dashed}'


_INK = {
    Style.GRID: 'fill="none" stroke="#e2dfd5"',
    Style.AREA: f'fill="{_SUN}" opacity="0.1"',
    Style.BAR: f'fill="{_SUN}"',
    Style.PART: f'fill="#f7e3b4" stroke="{_SUN}" stroke-dasharray="4 3"',
    Style.BAND: f'fill="{_SOFT}" opacity="0.15"',
    Style.EXPECTED: _line(_DARK),
    Style.FULL: f'fill="{_BRAND}"',
}
_COLOURS = (_SUN, _BRAND, _SOFT)
_DASHED = ("", "8 3", "2 3", "10 3 2 3")


def draw_svg(chart: Chart, *, inked: bool = False, is_told: bool = True) -> str:
    """Return a chart as one SVG element; `inked` gives it colours and words of its own, and no ways on.

    One that is not told has no text alternative in it: that stands beside it, as on paper.
    """
    parts = [_head(chart, inked=inked)]
    parts += _told(chart) if is_told else ()
    parts += [_mark(mark, inked=inked) for mark in chart.marks]
    parts += [_group(group, inked=inked, is_told=is_told) for group in chart.groups]
    if inked:
        parts += _words(chart)
    return "".join((*parts, "</svg>"))


def _head(chart: Chart, *, inked: bool) -> str:
    name = escape(chart.words.id)
    # A picture has nothing inside that one can stop at; where one can, it is a group with the same name.
    role = "group" if chart.groups and not inked else "img"
    top, height = -_ROOM, chart.height + 2 * _ROOM
    low = ' class="low"' if chart.height < _LOW else ""
    box, stretch = f"0 {top} {WIDTH} {height}", f' preserveAspectRatio="none"{low}'
    if inked:
        box, stretch = f"-{_LEFT} {top - _SIZE} {WIDTH + _LEFT} {height + _BELOW + _SIZE}", ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="{role}" aria-labelledby="{name}-title" '
        f'aria-describedby="{name}-text" viewBox="{box}"{stretch}>'
    )


def _told(chart: Chart) -> tuple[str, str]:
    name = escape(chart.words.id)
    return (
        f'<title id="{name}-title">{escape(chart.words.title)}</title>',
        f'<desc id="{name}-text">{escape(chart.words.text)}</desc>',
    )


def _mark(mark: Mark, *, inked: bool) -> str:
    if mark.style is Style.LINE:
        ink = _line(_COLOURS[mark.place % HUES], _DASHED[mark.place % DASHES])
        look = ink if inked else f'class="{line_classes(mark.place)}"'
    else:
        look = _INK[mark.style] if inked else f'class="{mark.style}"'
    return f'<path {look} d="{mark.path}"/>'


def _group(group: Group, *, inked: bool, is_told: bool) -> str:
    title = f"<title>{escape(group.words)}</title>" if is_told else ""
    inside = title + "".join(_mark(mark, inked=inked) for mark in group.marks)
    words = escape(group.words)
    if group.href and not inked:
        return f'<a href="{escape(group.href)}" aria-label="{words}">{inside}</a>'
    reach = "" if inked else ' tabindex="0"'
    return f'<g role="img" aria-label="{words}"{reach}>{inside}</g>'


def _words(chart: Chart) -> Iterator[str]:
    for place, word in enumerate(chart.scale):
        y = chart.height * place // max(1, len(chart.scale) - 1) + _SIZE // 3
        yield _text(-10, y, "end", word)
    below = chart.height + _BELOW - _SIZE // 3
    if chart.span:
        yield _text(0, below, "start", chart.span[0])
        yield _text(WIDTH, below, "end", chart.span[-1])
    for place, word in enumerate(chart.labels):
        if word:
            yield _text(WIDTH * (2 * place + 1) // (2 * len(chart.labels)), below, "middle", word)


def _text(x: int, y: int, anchor: str, word: str) -> str:
    return f'<text x="{x}" y="{y}" font-size="{_SIZE}" fill="{_SOFT}" text-anchor="{anchor}">{escape(word)}</text>'
