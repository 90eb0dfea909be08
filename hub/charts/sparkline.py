"""A sparkline: a word-sized line of values, for a row of a list. It has no axis, so its words say both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.charts.chart import Chart, Mark, Style, place_in
from hub.charts.thinning import thin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.charts.chart import Words

_WIDTH, _HEIGHT = 1000, 200


def sparkline(words: Words, values: Sequence[int]) -> Chart | None:
    """Return values at even distances, from 0 at the bottom to the greatest; None for less than two."""
    points = thin(tuple(enumerate(values)))
    if len(points) < 2:  # noqa: PLR2004 - one point is no line
        return None
    most, last = max(value for _, value in points), points[-1][0]
    corners = (f"{place_in(place, last, _WIDTH)} {_HEIGHT - place_in(value, most, _HEIGHT)}" for place, value in points)
    return Chart(words, (Mark("M" + "L".join(corners), Style.LINE),), height=_HEIGHT)
