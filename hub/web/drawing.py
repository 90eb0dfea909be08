"""What the pages draw: readings and months in the words of charts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from hub.charts.bars import Slot, bar_chart
from hub.charts.chart import POINTS_MAX, Words
from hub.charts.lines import Line, Say, power_chart, step_chart
from hub.charts.sparkline import sparkline
from hub.charts.strips import Day, Level, State, availability_strip, heat_strip, state_timeline
from hub.formats import kilowatt_hours, kilowatts, local_day, local_time, month_abbreviation, month_name
from hub.rules.days import clock_hours
from hub.rules.periods import ProductionMonth
from hub.rules.plausibility import BAND_PER_CENT, expected_of_month
from hub.rules.reported import ReportState
from hub.services.compute_days import POWER_DAYS, usual_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.charts.chart import Chart
    from hub.rules.facts import SystemFacts
    from hub.services.compute_days import Course, Power
    from hub.services.read_own import OwnSystem

    _Numbers = Mapping[ProductionMonth, tuple[int | None, bool, str]]

COLUMNS_MAX = POINTS_MAX // 2
"""A column of a register line has two points: its first reading and its last."""
BARS_MIN = 12
BARS_MAX = 24
_CENT = 100
_HOURS = 24
_REPORTED = {
    ReportState.REPORTED: Level.FULL,
    ReportState.PARTIAL: Level.SOME,
    ReportState.ESTIMATED: Level.SOME,
    ReportState.MISSING: Level.NONE,
}

BARS_CAPTION = (
    "Filled: complete. Dashed: not complete, or still running. No bar: no number. The line across is what was "
    "expected, the ground behind it what is plausible."
)


def draw_register(courses: Sequence[Course], name: str, caption: str) -> Chart | None:
    """Return the step line of a system's registers; None without a reading."""
    lines = [
        Line(
            f"Values of meter {course.serial}",
            tuple(
                dict.fromkeys(
                    point
                    for column in course.columns
                    for point in ((column.first_at, column.first_wh), (column.last_at, column.last_wh))
                )
            ),
        )
        for course in courses
    ]
    if not lines:
        return None
    first, last = min(line.points[0] for line in lines), max(line.points[-1] for line in lines)
    text = (
        f"From {kilowatt_hours(first[1])} on {local_day(first[0])} to {kilowatt_hours(last[1])} on "
        f"{local_day(last[0])}. The table below has the values."
    )
    say = Say(kilowatt_hours, local_time, local_day, ("Reading", "Register"))
    return step_chart(Words("register-chart", f"Register of {name}", text, caption), lines, say)


def draw_power(powers: Sequence[Power], name: str) -> Chart | None:
    """Return the power of the last days; None where two readings do not stand in them."""
    text = f"Mean power between readings over {POWER_DAYS} days; a night has none. The table below has the values."
    say = Say(_kilowatts, local_time, local_day, ("Up to", "Mean power"))
    lines = [Line(f"Power of meter {power.serial}", power.points) for power in powers]
    caption = "Mean power between readings, in steps of half an hour or longer."
    return power_chart(Words("power-chart", f"Power of {name}", text, caption), lines, say)


def draw_months(
    numbers: _Numbers,
    said: Sequence[SystemFacts],
    name: str,
    href: str = "",
) -> Chart | None:
    """Return the bars of months, a year at least; `numbers` gives each its energy, whether whole, and its state.

    `said` is all that was said of the system, whenever it became effective. `href` is where a bar leads, with the month
    put in for `{}`.
    """
    text = "One bar a month, with a line across at what was expected. The table below has the numbers."
    words = Words("month-chart", f"Monthly production of {name}", text, BARS_CAPTION)
    return _bars(words, numbers, said, href, has_band=True) if numbers else None


def draw_reported(own: OwnSystem, states: Mapping[ReportState, str]) -> Chart | None:
    """Return the bars of what was reported of a system."""
    numbers = {
        one.month: (one.production_wh, one.state is ReportState.REPORTED, states[one.state]) for one in own.months
    }
    words = Words(
        "own-months",
        f"Monthly production of {own.facts.name}",
        "One bar a month, with a line across at what was expected. The table below has the numbers.",
        "Filled: reported and accepted. Dashed: estimated or in part. The line across is what a usual year gives.",
    )
    return _bars(words, numbers, own.said) if numbers else None


def draw_states(own: OwnSystem, states: Mapping[ReportState, str]) -> Chart | None:
    """Return how far each of a system's last months came, one after another."""
    shown = [
        State(month_name(one.month), one.month.starts_at, one.month.ends_at, _REPORTED[one.state], states[one.state])
        for one in reversed(own.months[:BARS_MIN])
    ]
    words = Words(
        "own-states",
        f"What was accepted of {own.facts.name}",
        "A part for each month. The table below says the same in words.",
        "Full: accepted. Half: estimated or in part. Empty: not reported.",
    )
    return state_timeline(words, shown, ("Month", "State", "Accepted"))


def draw_spark(energies_wh: Sequence[int], name: str, place: int) -> Chart | None:
    """Return a word-sized line of a system's last months; None for less than two. `place` is that in the list."""
    if not energies_wh:
        return None
    text = f"From {kilowatt_hours(energies_wh[0])} to {kilowatt_hours(energies_wh[-1])}."
    return sparkline(Words(f"spark-{place}", f"Last months of {name}", text), energies_wh)


def draw_read_days(days: Sequence[tuple[str, tuple[int, ...]]], serial: str) -> Chart | None:
    """Return on which days, given by name with the readings of each hour, a meter was read; None where on none."""
    usual = usual_count(tuple(hours for _, hours in days))
    if usual == 0:
        return None
    drawn = [
        Day(name, name.replace("\u00a0", " ").split()[0], tuple(_level(number, usual) for number in hours))
        for name, hours in days
    ]
    words = Words(
        "read-days",
        f"Days on which meter {serial} was read",
        "A cell a day. The table below counts their hours.",
        f"Full: {usual} or more readings in every hour, as most have. Narrow: fewer. Empty: none.",
    )
    return availability_strip(words, drawn)


def draw_days(
    days: Sequence[int | None], month: ProductionMonth, said: Sequence[SystemFacts], name: str
) -> Chart | None:
    """Return the bars of a month's days; None where no day has a number."""
    if all(day is None for day in days):
        return None
    of_month = expected_of_month(said, month)
    expected = None if of_month is None else of_month // len(days)
    names = _days_of(month)
    slots = [
        Slot(f"{on.day} {month_name(month)}", str(on.day), energy_wh, expected=expected)
        for on, energy_wh in zip(names, days, strict=True)
    ]
    text = f"One bar a day of {month_name(month)}, with a line across at what a mean day was expected to give."
    caption = "A day has a bar where a reading stands at both of its midnights. The line is the month's mean day."
    words = Words("day-chart", f"Daily production of {name}, {month_name(month)}", text, caption)
    return bar_chart(words, slots, kilowatt_hours, "Day")


def draw_hours(days: tuple[tuple[int, ...], ...], month: ProductionMonth, name: str) -> Chart | None:
    """Return which hours of a month were read; None where none was. An hour is full with the usual number."""
    usual = usual_count(days)
    if usual == 0:
        return None
    drawn = [
        Day(
            f"{on.day} {month_name(month)}",
            str(on.day),
            tuple(_level(number, usual) for number in hours),
            () if len(hours) == _HOURS else clock_hours(on),
        )
        for on, hours in zip(_days_of(month), days, strict=True)
    ]
    text = f"A column a day of {month_name(month)}, its hours from the top down. The table below counts them."
    caption = f"Full: {usual} or more readings in the hour, as most have. Narrow: fewer. Empty: none."
    caption += "".join(_tell_change(day) for day in drawn if day.clock)
    words = Words("hour-chart", f"Hours read of {name}, {month_name(month)}", text, caption)
    return heat_strip(words, drawn)


def _tell_change(day: Day) -> str:
    """Return in a sentence which hour of the clock a day has twice, or not at all."""
    if len(day.clock) > _HOURS:
        twice = next(hour for hour in day.clock if day.clock.count(hour) > 1)
        return f" On {day.name} the clocks went back: the hour from {twice}:00 came twice."
    never = next(hour for hour in range(_HOURS) if hour not in day.clock)
    return f" On {day.name} the clocks went forward: the hour from {never}:00 never came."


def _bars(
    words: Words, numbers: _Numbers, said: Sequence[SystemFacts], href: str = "", *, has_band: bool = False
) -> Chart | None:
    slots = []
    for month in months_until(max(numbers), max(BARS_MIN, min(BARS_MAX, len(numbers)))):
        energy_wh, is_whole, state = numbers.get(month, (None, False, ""))
        expected = expected_of_month(said, month)
        slots.append(
            Slot(
                name=month_name(month),
                short=month_abbreviation(month),
                value=energy_wh,
                whole=is_whole,
                expected=expected,
                band=_band(expected) if has_band and expected is not None else None,
                note=state,
                href=href.format(month),
            )
        )
    return bar_chart(words, slots, kilowatt_hours, "Month")


def months_until(last: ProductionMonth, count: int) -> tuple[ProductionMonth, ...]:
    """Return the `count` months that end with `last`, the earliest first; raises InputError before 1970."""
    months = last.year * 12 + last.month - 1
    return tuple(ProductionMonth(*_split(number)) for number in range(months - count + 1, months + 1))


def _split(months: int) -> tuple[int, int]:
    return months // 12, months % 12 + 1


def _days_of(month: ProductionMonth) -> list[date]:
    first = month.last_day.replace(day=1)
    return [first + timedelta(days=day) for day in range(month.last_day.day)]


def _band(expected: int) -> tuple[int, int]:
    least, most = BAND_PER_CENT
    return expected * least // _CENT, expected * most // _CENT


def _level(number: int, usual: int) -> Level:
    if number == 0:
        return Level.NONE
    return Level.FULL if number >= usual else Level.SOME


def _kilowatts(power_w: int) -> str:
    return f"{kilowatts(power_w)}\u00a0kW"
