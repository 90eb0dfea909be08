"""Bars: what was produced in each month or day, against what was to be expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.charts.chart import HEIGHT, WIDTH, Chart, Group, Mark, Style, Table, box, every_nth, grid, place_in
from hub.charts.scales import nice_ceiling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.charts.chart import Words

_BAR_PART = (7, 10)
_ZERO_HEIGHT = 2
"""A month in which nothing was generated is a line on the ground; only a month without a number is empty."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A month or day. Without a `value` there is no bar; one that is not `whole` is hatched.

    `expected` is a line across, `band` the least and most that are plausible, as a ground. `short` is the name where
    there is little room, `note` what the table says of how far it has come.
    """

    name: str
    short: str
    value: int | None
    whole: bool = True
    expected: int | None = None
    band: tuple[int, int] | None = None
    note: str = ""
    href: str = ""


def bar_chart(words: Words, slots: Sequence[Slot], say: Callable[[int], str], first_column: str) -> Chart | None:
    """Return the chart of these slots from the left to the right, None where there are none; `say` words a value."""
    if not slots:
        return None
    most = nice_ceiling(max(max(slot.value or 0, slot.expected or 0) for slot in slots))
    pitch = WIDTH // len(slots)
    marks = [grid()]
    groups = []
    for place, slot in enumerate(slots):
        width = max(1, pitch * _BAR_PART[0] // _BAR_PART[1])
        ground, bar = _draw(slot, place * pitch + (pitch - width) // 2, width, most)
        marks += ground
        if bar:
            groups.append(Group(_tell(slot, say), bar, slot.href))
    return Chart(
        words,
        tuple(marks),
        tuple(groups),
        (_table(words, slots, say, first_column),),
        scale=(say(most), say(most // 2), "0"),
        labels=every_nth([slot.short for slot in slots]),
    )


def _draw(slot: Slot, x: int, width: int, most: int) -> tuple[list[Mark], tuple[Mark, ...]]:
    """Return what lies below a slot's bar, and the bar with what lies over it; of the band what the scale shows."""
    ground = []
    bar = []
    if slot.band is not None:
        least, top = (place_in(min(edge, most), most, HEIGHT) for edge in slot.band)
        ground.append(Mark(box(x, HEIGHT - top, width, top - least), Style.BAND))
    if slot.value is not None:
        height = max(_ZERO_HEIGHT, place_in(slot.value, most, HEIGHT))
        bar.append(Mark(box(x, HEIGHT - height, width, height), Style.BAR if slot.whole else Style.PART))
    if slot.expected is not None:
        line = Mark(f"M{x} {HEIGHT - place_in(slot.expected, most, HEIGHT)}h{width}", Style.EXPECTED)
        (bar or ground).append(line)
    return ground, tuple(bar)


def _tell(slot: Slot, say: Callable[[int], str]) -> str:
    told = f"{slot.name}: {say(slot.value or 0)}"
    if slot.expected is not None:
        told += f", {say(slot.expected)} expected"
    return f"{told}, {slot.note}" if slot.note else told


def _table(words: Words, slots: Sequence[Slot], say: Callable[[int], str], first_column: str) -> Table:
    has_expected = any(slot.expected is not None for slot in slots)
    columns = (first_column, "Production", *(("Expected",) if has_expected else ()), "State")
    rows = []
    for slot in slots:
        value = "no number" if slot.value is None else say(slot.value)
        expected = ("-" if slot.expected is None else say(slot.expected),) if has_expected else ()
        rows.append((slot.name, value, *expected, slot.note or "-"))
    return Table(f"Values of {words.title}", columns, tuple(rows))
