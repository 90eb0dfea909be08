"""A strip of shares: of each hour of some days, how many of a whole were there, or that nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.charts.chart import WIDTH, Chart, Group, Mark, Style, Table, box, every_nth, place_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.charts.chart import Words

_ROW = 12
_GAP_PART = 8
_TENTHS = 1_000


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole."""

    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class ShareDay:
    """A day with the share of each of its hours, None where nobody knows; `notes` are further cells of its row.

    A day whose clocks change has 23 hours or 25, one that is not over those that have begun.
    """

    name: str
    short: str
    hours: tuple[Share | None, ...]
    notes: tuple[str, ...] = ()


def share_strip(words: Words, days: Sequence[ShareDay], columns: tuple[str, ...] = ()) -> Chart | None:
    """Return days from the left to the right, their hours from the top down; None where there is no day.

    An hour is as wide as its share; a whole one has another shade besides, one that nobody knows a frame of dashes.
    `columns` name the further cells of the table's rows.
    """
    if not days:
        return None
    pitch = WIDTH // len(days)
    height = _ROW * max(len(day.hours) for day in days)
    groups = tuple(
        Group(f"{day.name}: {_tell(day)}", _draw(day, place * pitch, pitch, height)) for place, day in enumerate(days)
    )
    rows = tuple((day.name, *_cells(day), *day.notes) for day in days)
    table = Table(f"Values of {words.title}", ("Day", "Share", "Lowest hour", "Hours unknown", *columns), rows)
    labels = every_nth([day.short for day in days])
    return Chart(words, (), groups, (table,), scale=("0 h", "12 h", "24 h"), labels=labels, height=height)


def _draw(day: ShareDay, x: int, pitch: int, height: int) -> tuple[Mark, ...]:
    wide = pitch - max(1, pitch // _GAP_PART)
    paths: dict[Style, list[str]] = {Style.PART: [], Style.BAR: [], Style.FULL: []}
    for hour, share in enumerate(day.hours):
        y = hour * _ROW
        if share is None:
            paths[Style.PART].append(box(x, y, wide, _ROW))
        elif share.part:
            style = Style.FULL if share.part >= share.whole else Style.BAR
            paths[style].append(box(x, y, max(1, place_in(share.part, share.whole, wide)), _ROW))
    frame = Mark(box(x, 0, wide, height), Style.GRID)
    return (frame, *(Mark("".join(path), style) for style, path in paths.items() if path))


def _tell(day: ShareDay) -> str:
    share, lowest, unknown = _cells(day)
    known = f"{share}, {lowest} in the lowest hour" if share != "-" else "nothing known"
    hours = "1 hour" if unknown == "1" else f"{unknown} hours"
    return known if unknown == "0" else f"{known}, {hours} unknown"


def _cells(day: ShareDay) -> tuple[str, str, str]:
    known = [one for one in day.hours if one is not None]
    shares = [_per_cent(one) for one in known if one.whole]
    together = Share(sum(one.part for one in known), sum(one.whole for one in known))
    unknown = str(len(day.hours) - len(known))
    if not together.whole:
        return "-", "-", unknown
    return _words(_per_cent(together)), _words(min(shares)), unknown


def _per_cent(share: Share) -> int:
    """Return a share in tenths of a per cent, cut so that only a whole is 100."""
    return share.part * _TENTHS // share.whole


def _words(tenths: int) -> str:
    return f"{tenths // 10}.{tenths % 10}\u00a0%"
