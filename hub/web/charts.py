"""Charts as geometry: a register's step line and monthly bars. Templates draw them as SVG without a script.

Coordinates are whole numbers in a box `WIDTH` wide and `HEIGHT` high with the origin at the top left; the drawing is
stretched to the page, so words stand outside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.periods import ProductionMonth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.services.compute_production import SystemMonth
    from hub.store.series import Bucket

WIDTH = 1000
HEIGHT = 300
POINTS_MAX = 800
BUCKETS_MAX = POINTS_MAX // 2
BARS_MIN = 12
BARS_MAX = 24
STYLES = 12
_HUES = 3
_DASHES = 4
_LABELS_MAX = 8
_BAR_PART = (7, 10)
_ZERO_HEIGHT = 2
"""A month in which nothing was generated is a line on the ground; only a month without a number is empty."""
_NICE_TENTHS = (10, 15, 20, 30, 40, 50, 60, 80)


@dataclass(frozen=True, slots=True)
class Step:
    """One meter's register over time: `path` is the SVG path of a line that steps at each reading.

    `style` names classes that tell `STYLES` lines apart; the first four differ by their dashes, not by colour alone.
    """

    serial: str
    style: str
    path: str
    area: str
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class StepChart:
    """Register lines over one span of time (`from_at`, `to_at` UTC ms) and one scale of energy (Wh)."""

    lines: tuple[Step, ...]
    from_at: int
    to_at: int
    wh_min: int
    wh_max: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One month: its box, and whether there is room for its name. Without a number (None) there is no bar to draw."""

    month: ProductionMonth
    production_wh: int | None
    complete: bool
    x: int
    y: int
    width: int
    height: int
    labelled: bool


@dataclass(frozen=True, slots=True)
class BarChart:
    """Monthly production from 0 to `wh_max`; `wh_middle` is half of it, exactly."""

    bars: tuple[Bar, ...]
    wh_max: int

    @property
    def wh_middle(self) -> int:
        """The energy at half height, in Wh."""
        return self.wh_max // 2


def step_chart(series: Sequence[tuple[str, Sequence[Bucket]]]) -> StepChart | None:
    """Return the chart of these meters' thinned readings, by serial number; None where there are none."""
    drawn = [(serial, tuple(buckets)) for serial, buckets in series if buckets]
    if not drawn:
        return None
    from_at = min(buckets[0].first_at for _, buckets in drawn)
    to_at = max(buckets[-1].last_at for _, buckets in drawn)
    wh_min = min(bucket.wh_min for _, buckets in drawn for bucket in buckets)
    wh_max = max(bucket.wh_max for _, buckets in drawn for bucket in buckets)
    lines = []
    for place, (serial, buckets) in enumerate(drawn):
        corners = [
            (_scale(at - from_at, to_at - from_at, WIDTH), HEIGHT - _scale(wh - wh_min, wh_max - wh_min, HEIGHT))
            for bucket in buckets
            for at, wh in ((bucket.first_at, bucket.wh_min), (bucket.last_at, bucket.wh_max))
        ]
        path = _step_path(corners)
        area = f"{path}V{HEIGHT}H{corners[0][0]}Z"
        lines.append(Step(serial, f"hue-{place % _HUES} dash-{place % _DASHES}", path, area, buckets))
    return StepChart(tuple(lines), from_at, to_at, wh_min, wh_max)


def bar_chart(months: Sequence[SystemMonth]) -> BarChart | None:
    """Return the chart of the latest months (given latest first), a year at least; None where there are none."""
    if not months:
        return None
    shown = {month.production.month: month.production for month in months[:BARS_MAX]}
    slots = months_until(max(shown), max(BARS_MIN, len(shown)))
    most = max((production.production_wh or 0 for production in shown.values()), default=0)
    wh_max = nice_ceiling(most)
    pitch = WIDTH // len(slots)
    every = -(-len(slots) // _LABELS_MAX)
    bars = []
    for place, month in enumerate(slots):
        production = shown.get(month)
        energy_wh = production.production_wh if production else None
        height = max(_ZERO_HEIGHT, _scale(energy_wh or 0, wh_max, HEIGHT))
        width = pitch * _BAR_PART[0] // _BAR_PART[1]
        bars.append(
            Bar(
                month=month,
                production_wh=energy_wh,
                complete=production.complete if production else False,
                x=place * pitch + (pitch - width) // 2,
                y=HEIGHT - height,
                width=width,
                height=height,
                labelled=(len(slots) - 1 - place) % every == 0,
            )
        )
    return BarChart(tuple(bars), wh_max)


def nice_ceiling(energy_wh: int) -> int:
    """Return the next round number of kWh, in Wh, that is not below `energy_wh`; at least 2 kWh."""
    power = 100
    while True:
        for step in _NICE_TENTHS:
            if step * power >= max(energy_wh, 2000):
                return step * power
        power *= 10


def months_until(last: ProductionMonth, count: int) -> tuple[ProductionMonth, ...]:
    """Return the `count` months that end with `last`, the earliest first; raises InputError before 1970."""
    months = last.year * 12 + last.month - 1
    return tuple(ProductionMonth(*_split(number)) for number in range(months - count + 1, months + 1))


def _split(months: int) -> tuple[int, int]:
    return months // 12, months % 12 + 1


def _scale(part: int, whole: int, size: int) -> int:
    return part * size // whole if whole > 0 else 0


def _step_path(corners: Sequence[tuple[int, int]]) -> str:
    """Return a path that stays level until the next reading, with corners that change nothing left out."""
    x, y = corners[0]
    parts = [f"M{x} {y}"]
    for next_x, next_y in corners[1:]:
        if next_x != x:
            parts.append(f"H{next_x}")
        if next_y != y:
            parts.append(f"V{next_y}")
        x, y = next_x, next_y
    return "".join(parts)
