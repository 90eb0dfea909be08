"""Strips of time: hours of days in which something was there, one row of days, and states one after another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from hub.charts.chart import WIDTH, Chart, Group, Mark, Style, Table, box, every_nth, place_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.charts.chart import Words

_ROW = 12
_STRIP = 40
_GAP_PART = 8
_HOURS = 24
_APART = 1


class Level(IntEnum):
    """How much of what belongs into a cell is there."""

    NONE = 0
    SOME = 1
    FULL = 2


_STYLES = {Level.SOME: Style.BAR, Level.FULL: Style.FULL}


@dataclass(frozen=True, slots=True)
class Day:
    """A day with the level of each of its hours.

    One whose clocks change has 23 or 25; `clock` says what they show when each of these begins, where that is not its
    place in the day.
    """

    name: str
    short: str
    hours: tuple[Level, ...]
    clock: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What something was from an instant up to another (UTC ms); only one that is good has a full bar."""

    name: str
    from_at: int
    until_at: int
    level: Level
    note: str = ""


def heat_strip(words: Words, days: Sequence[Day]) -> Chart | None:
    """Return days from the left to the right, their hours from the top down; None where there is no day.

    An hour with a part of it is half as wide: shade alone tells nothing. Every day is 24 hours of the clock high: one
    that came twice is two low cells in its place, one that never came is an empty place, and both have a ground.
    """
    if not days:
        return None
    pitch = WIDTH // len(days)
    paths: dict[Level, list[str]] = {Level.SOME: [], Level.FULL: []}
    grounds: list[str] = []
    for place, day in enumerate(days):
        clock = day.clock or tuple(range(len(day.hours)))
        grounds += [box(place * pitch, hour * _ROW, pitch, _ROW) for hour in range(_HOURS) if clock.count(hour) != 1]
        for hour, level in enumerate(day.hours):
            if level is not Level.NONE:
                paths[level].append(_cell(place * pitch, *_row(clock, hour), pitch, level))
    marks = [Mark("".join(path), _STYLES[level]) for level, path in paths.items() if path]
    height = _ROW * _HOURS
    frame = Mark(box(0, 0, pitch * len(days), height), Style.GRID)
    ground = (Mark("".join(grounds), Style.BAND),) if grounds else ()
    return Chart(
        words,
        (frame, *ground, *marks),
        tables=(_count_hours(words, days),),
        scale=("0 h", "12 h", "24 h"),
        labels=every_nth([day.short for day in days]),
        height=height,
    )


def availability_strip(words: Words, days: Sequence[Day]) -> Chart | None:
    """Return one cell for each day: full where all of its hours are, narrower where some are."""
    if not days:
        return None
    pitch = WIDTH // len(days)
    groups = []
    for place, day in enumerate(days):
        level = _of_day(day)
        path = _cell(place * pitch, 0, _STRIP, pitch, level) if level is not Level.NONE else ""
        marks = (Mark(path, _STYLES[level]),) if path else ()
        groups.append(
            Group(f"{day.name}: {_hours(day)}", (Mark(box(place * pitch, 0, pitch, _STRIP), Style.GRID), *marks))
        )
    labels = every_nth([day.short for day in days])
    return Chart(words, (), tuple(groups), (_count_hours(words, days),), labels=labels, height=_STRIP)


def state_timeline(words: Words, states: Sequence[State], columns: tuple[str, str, str]) -> Chart | None:
    """Return states one after another along time, each with its name and note; None where there is none."""
    if not states:
        return None
    from_at, whole = states[0].from_at, states[-1].until_at - states[0].from_at
    groups = []
    for state in states:
        x = place_in(state.from_at - from_at, whole, WIDTH)
        width = place_in(state.until_at - from_at, whole, WIDTH) - x
        # Height tells levels apart where shades do not: a full bar, half of one, and a frame around nothing.
        height = _STRIP * state.level // Level.FULL
        frame = Mark(box(x, 0, width, _STRIP), Style.GRID)
        filled = (Mark(box(x, _STRIP - height, width, height), _STYLES[state.level]),) if height else ()
        groups.append(Group(f"{state.name}: {state.note}", (frame, *filled)))
    rows = tuple((state.name, state.note, ("no", "in part", "yes")[state.level]) for state in states)
    table = Table(f"Values of {words.title}", columns, rows)
    return Chart(words, (), tuple(groups), (table,), span=(states[0].name, states[-1].name), height=_STRIP)


def _row(clock: Sequence[int], hour: int) -> tuple[int, int]:
    """Return where an hour of a day begins from the top down and how high it is; two in one place stand apart."""
    shown = clock[hour]
    share = _ROW // clock.count(shown)
    y = shown * _ROW + clock[:hour].count(shown) * share
    return (y, share) if share == _ROW else (y + _APART, share - 2 * _APART)


def _cell(x: int, y: int, height: int, width: int, level: Level) -> str:
    gap = max(1, width // _GAP_PART)
    wide = width - gap if level is Level.FULL else max(1, (width - gap) // 2)
    return box(x, y, max(1, wide), height)


def _of_day(day: Day) -> Level:
    if all(level is Level.FULL for level in day.hours):
        return Level.FULL
    return Level.SOME if any(day.hours) else Level.NONE


def _hours(day: Day) -> str:
    return f"{sum(level is not Level.NONE for level in day.hours)} of {len(day.hours)} hours"


def _count_hours(words: Words, days: Sequence[Day]) -> Table:
    rows = tuple((day.name, _hours(day), str(sum(level is Level.SOME for level in day.hours))) for day in days)
    return Table(f"Values of {words.title}", ("Day", "Hours there", "of them in part"), rows)
