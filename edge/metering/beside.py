"""What is read of a meter beside its energy: at every poll where that costs no request, else seldom.

Power and witnesses tell whether the registers can be true, serial number and configuration whether they still mean the
same. All of it is second to the energy: it never makes another request of a poll, and what cannot be read is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from edge.metering.decode import meter_value
from edge.metering.errors import ReadingError
from edge.metering.outcome import Beside
from edge.metering.words import Extent, WordImage, coalesce, place, place_scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edge.metering.profile import MeterProfile, Point
    from edge.metering.words import Span, Word

BESIDE_WORDS_MAX = 16
"""By how many words the energy's requests may grow: 32 octets, 33 ms at 9600 baud, less than a request of its own."""

_SAME_METER = ("identity", "configuration")
_SUMS = (("import", "export"), ("received", "delivered"))
_WATTS_BY_UNIT = {"W": 1, "kW": 1000, "MW": 1_000_000}


@dataclass(frozen=True, slots=True)
class BesidePoint:
    """A point, and where it and its scale word are (absolute)."""

    point: Point
    extent: Extent
    scale: Extent | None

    @property
    def extents(self) -> tuple[Extent, ...]:
        """All that has to be read of it."""
        return (self.extent,) if self.scale is None else (self.extent, self.scale)


@dataclass(frozen=True, slots=True)
class BesidePlan:
    """`points` are read with the energy, in `spans`; `seldom` after the meter was identified, in `seldom_spans`."""

    spans: tuple[Span, ...]
    points: tuple[BesidePoint, ...]
    seldom: tuple[BesidePoint, ...]
    seldom_spans: tuple[Span, ...]

    @property
    def same_meter(self) -> tuple[BesidePoint, ...]:
        """The points read with the energy whose change means that the meter has to be identified anew."""
        return tuple(each for each in self.points if each.point.quantity in _SAME_METER)


def plan_beside(
    profile: MeterProfile, location: Mapping[int, int], energy: Sequence[Extent], listed: frozenset[Word]
) -> BesidePlan:
    """Return what is read beside the extents of the energy, which `coalesce` has put into as few requests as it can."""
    narrow = spans = coalesce(energy, profile, listed)
    kept: list[Extent] = list(energy)
    points: list[BesidePoint] = []
    seldom: list[BesidePoint] = []
    for group in _wanted(profile, location):
        extents = [*kept, *(extent for each in group for extent in each.extents)]
        wider = coalesce(extents, profile, listed)
        if _is_free(narrow, wider):
            kept, spans = extents, wider
            points += group
        else:
            seldom += (each for each in group if each.point.quantity in ("witness", "active_power"))
    seldom_spans = coalesce([extent for each in seldom for extent in each.extents], profile, listed)
    return BesidePlan(spans, tuple(points), tuple(seldom), seldom_spans)


def _is_free(narrow: Sequence[Span], wider: Sequence[Span]) -> bool:
    """Return whether as many requests read each of these spans whole, and not much more."""
    words = sum(span.count for span in wider) - sum(span.count for span in narrow)
    return len(wider) == len(narrow) and words <= BESIDE_WORDS_MAX and all(_covers(wider, span) for span in narrow)


def _covers(spans: Iterable[Span], span: Span) -> bool:
    return any(
        wide.function_code == span.function_code
        and wide.address <= span.address
        and span.address + span.count <= wide.address + wide.count
        for wide in spans
    )


def _wanted(profile: MeterProfile, location: Mapping[int, int]) -> list[tuple[BesidePoint, ...]]:
    """Return the points that are worth having, the most telling first; those of a group only together."""
    order = ("witness", *_SAME_METER)
    wanted: list[tuple[Point, ...]] = [
        (point,) for quantity in order for point in profile.points if point.quantity == quantity
    ]
    power = _power_point(profile)
    wanted += [(power,)] if power is not None else []
    wanted += [_sum_points(profile)] if _sum_points(profile) else []
    return [tuple(_place(point, location) for point in group) for group in wanted]


def _place(point: Point, location: Mapping[int, int]) -> BesidePoint:
    """Return where a point is; the parts of a sum share one scale, which need not be known."""
    scale = None if point.quantity == "active_energy" else place_scale(point, location)
    return BesidePoint(point, place(point, location), scale)


def _power_point(profile: MeterProfile) -> Point | None:
    """Return the whole meter's power: the first power point, net or total before others."""
    points = [point for point in profile.points if point.quantity == "active_power" and point.unit in _WATTS_BY_UNIT]
    return min(points, key=lambda point: point.direction not in ("net", "total"), default=None)


def _sum_points(profile: MeterProfile) -> tuple[Point, ...]:
    """Return a total and the two points that it is the sum of, counted in the same way; none if there are no such."""
    for total in (point for point in profile.energy_points if point.direction == "total"):
        for pair in _SUMS:
            parts = [point for point in profile.energy_points if point.direction in pair and _is_alike(point, total)]
            if sorted(point.direction for point in parts) == sorted(pair):
                return (total, *parts)
    return ()


def _is_alike(point: Point, other: Point) -> bool:
    one, two = ((each.type, each.scale, each.scale_source, each.unit, each.resettable) for each in (point, other))
    return one == two


def read_beside(plan: BesidePlan, image: WordImage, seldom: WordImage | None) -> Beside:
    """Return what the words beside the energy say, and those seldom read, if they were; what has no value is left out.

    `image` covers the plan's spans, `seldom` those of the seldom ones that the meter answered. Power is without the
    external ratio.
    """
    witnesses: dict[str, int] = {}
    power_w: Fraction | None = None
    sums: dict[str, Fraction] = {}
    found = [(each, image) for each in plan.points]
    if seldom is not None:
        found += [(each, seldom) for each in plan.seldom if all(map(seldom.covers, each.extents))]
    for each, words in found:
        if each.point.quantity in _SAME_METER or (value := _value(each, words)) is None:
            continue
        if each.point.quantity == "witness":
            witnesses[each.point.role] = int(value)
        elif each.point.quantity == "active_power":
            power_w = abs(value) * _WATTS_BY_UNIT[each.point.unit]
        else:
            sums[each.point.direction] = abs(value) / Fraction(each.point.scale)
    gap = None
    if len(sums) == 1 + len(_SUMS[0]):
        gap = int(abs(2 * sums["total"] - sum(sums.values())))
    return Beside(power_w, witnesses, gap)


def _value(each: BesidePoint, image: WordImage) -> Fraction | None:
    scale_word = None if each.scale is None else image.words(each.scale)[0]
    try:
        return Fraction(meter_value(each.point, image.words(each.extent), scale_word))
    except ReadingError:
        return None
