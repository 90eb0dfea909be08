"""Lines over time: a register that stands until its next reading, and power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.charts.chart import HEIGHT, WIDTH, Chart, Mark, Style, Table, grid, place_in
from hub.charts.scales import nice_ceiling
from hub.charts.thinning import thin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.charts.chart import Words


@dataclass(frozen=True, slots=True)
class Line:
    """A named run of points (instant in UTC ms, value) in order of time."""

    name: str
    points: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Say:
    """How a chart words its values and instants, and what its table's columns are called."""

    value: Callable[[int], str]
    at: Callable[[int], str]
    day: Callable[[int], str]
    columns: tuple[str, str]


def step_chart(words: Words, lines: Sequence[Line], say: Say) -> Chart | None:
    """Return registers as lines that stay level until the next reading, from the least to the greatest value.

    None where there is no point.
    """
    drawn = _thin(lines)
    values = [value for line in drawn for _, value in line.points]
    return _chart(words, drawn, say, (min(values), max(values)), is_stepped=True) if values else None


def power_chart(words: Words, lines: Sequence[Line], say: Say) -> Chart | None:
    """Return power as lines from 0 to a round number; None where there is no point."""
    drawn = _thin(lines)
    values = [value for line in drawn for _, value in line.points]
    scale = (0, nice_ceiling(max(values), 1000)) if values else None
    return _chart(words, drawn, say, scale, is_stepped=False) if scale else None


def _thin(lines: Sequence[Line]) -> list[Line]:
    return [Line(line.name, thin(line.points)) for line in lines if line.points]


def _chart(words: Words, lines: Sequence[Line], say: Say, scale: tuple[int, int], *, is_stepped: bool) -> Chart:
    from_at = min(line.points[0][0] for line in lines)
    to_at = max(line.points[-1][0] for line in lines)
    least, most = scale
    marks = [grid()]
    for place, line in enumerate(lines):
        corners = [
            (place_in(at - from_at, to_at - from_at, WIDTH), HEIGHT - place_in(value - least, most - least, HEIGHT))
            for at, value in line.points
        ]
        path = _stepped(corners) if is_stepped else _straight(corners)
        marks.append(Mark(f"{path}V{HEIGHT}H{corners[0][0]}Z", Style.AREA))
        marks.append(Mark(path, Style.LINE, place))
    tables = tuple(
        Table(
            line.name,
            say.columns,
            tuple((say.at(at), say.value(value)) for at, value in line.points),
            place if len(lines) > 1 else None,
        )
        for place, line in enumerate(lines)
    )
    return Chart(
        words,
        tuple(marks),
        tables=tables,
        scale=(say.value(most), say.value(least)),
        span=(say.day(from_at), say.day(to_at)),
    )


def _stepped(corners: Sequence[tuple[int, int]]) -> str:
    """Return a path that stays level until the next point, with corners that change nothing left out."""
    x, y = corners[0]
    parts = [f"M{x} {y}"]
    for next_x, next_y in corners[1:]:
        if next_x != x:
            parts.append(f"H{next_x}")
        if next_y != y:
            parts.append(f"V{next_y}")
        x, y = next_x, next_y
    return "".join(parts)


def _straight(corners: Sequence[tuple[int, int]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in corners)
