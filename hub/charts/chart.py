"""What every chart is: marks in a box `WIDTH` wide and `HEIGHT` high with the origin at the top left, and its words.

On a page the drawing is stretched to its place, so words stand outside it: `scale` at its left from the top down,
`span` below it from the left to the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 1000
HEIGHT = 300
POINTS_MAX = 800
"""A line has no more points than that, whatever it is drawn from."""
HUES = 3
DASHES = 4


class Style(StrEnum):
    """How a mark is painted; each is a class of the style sheet, and has ink of its own where there is none."""

    GRID = "grid"
    AREA = "area"
    BAR = "bar"
    PART = "bar part"
    BAND = "band"
    EXPECTED = "line expected"
    FULL = "bar full"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Mark:
    """One painted path in the syntax of SVG; `place` tells lines of one drawing apart."""

    path: str
    style: Style
    place: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Marks that are one thing to a reader: what it says, and where it leads on (empty: nowhere)."""

    words: str
    marks: tuple[Mark, ...]
    href: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The data behind a chart, or one line of it: named columns of text. The first cell of a row names it.

    `place` is that of the line, None where there is but one to tell.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a chart: its id on the page, its name, its text alternative, and what stands below it."""

    id: str
    title: str
    text: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its words and its tables; `height` is that of its box, `groups` lie over `marks`.

    `labels` name slots of one width along the bottom, with empty ones where there is no room.
    """

    words: Words
    marks: tuple[Mark, ...] = ()
    groups: tuple[Group, ...] = ()
    tables: tuple[Table, ...] = ()
    scale: tuple[str, ...] = ()
    span: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    height: int = HEIGHT


def line_classes(place: int) -> str:
    """Return the classes of a line: twelve differ, and the first four by their dashes and not by colour alone."""
    return f"{Style.LINE} hue-{place % HUES} dash-{place % DASHES}"


def place_in(part: int, whole: int, size: int) -> int:
    """Return where `part` of `whole` lies in `size`, in whole numbers; 0 where there is no whole."""
    return part * size // whole if whole > 0 else 0


def box(x: int, y: int, width: int, height: int) -> str:
    """Return the path of a rectangle."""
    return f"M{x} {y}h{width}v{height}h-{width}z"


def grid(height: int = HEIGHT) -> Mark:
    """Return the lines at the top, in the middle and at the bottom."""
    return Mark(f"M0 0H{WIDTH}M0 {height // 2}H{WIDTH}M0 {height}H{WIDTH}", Style.GRID)


def every_nth(names: Sequence[str], shown_max: int = 8) -> tuple[str, ...]:
    """Return the names with as many left out as it takes to show at most `shown_max`; the last one always stays."""
    every = -(-len(names) // shown_max) or 1
    return tuple(name if (len(names) - 1 - place) % every == 0 else "" for place, name in enumerate(names))
