"""Points thinned to what can be seen: the first, least, greatest and last of each column of pixels."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from hub.charts.chart import POINTS_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

_OF_COLUMN = 4


def thin(points: Sequence[tuple[int, int]], points_max: int = POINTS_MAX) -> tuple[tuple[int, int], ...]:
    """Return points (instant, value) in order of time, at most `points_max` of them.

    Extremes and both ends keep their exact values and instants, so that a peak of a minute stays one.
    """
    if len(points) <= points_max:
        return tuple(points)
    from_at, columns = points[0][0], points_max // _OF_COLUMN
    width = (points[-1][0] - from_at) // columns + 1
    kept: list[tuple[int, int]] = []
    for _, column in groupby(points, key=lambda point: (point[0] - from_at) // width):
        of_column = list(column)
        by_value = sorted(of_column, key=lambda point: point[1])
        kept += sorted({of_column[0], by_value[0], by_value[-1], of_column[-1]})
    return tuple(kept)
