"""Compute what a system generated day by day and how it ran, for charts: from index look-ups, whatever its age."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.days import MeterDays, add_meters, daily_energy, mean_power, midnights_of
from hub.rules.details import greatest_capacity
from hub.rules.periods import date_at
from hub.services.compute_production import find_breaks
from hub.store import columns, facts, ownership, registry, series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.rules.periods import ProductionMonth
    from hub.store.columns import Column
    from hub.store.registry import Meter

HOUR_MS = 3_600_000
POWER_DAYS = 7
_POWER_COLUMNS = POWER_DAYS * 48
"""Half an hour each: longer than most devices take between readings, and fine enough for a cloud."""


@dataclass(frozen=True, slots=True)
class Course:
    """How the register of a meter went: columns of first and last readings."""

    serial: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Power:
    """The mean power of a meter (W) up to instants (UTC ms)."""

    serial: str
    points: tuple[tuple[int, int], ...]


def compute_days(connection: Connection, pts_id: str, month: ProductionMonth) -> tuple[int | None, ...]:
    """Return what a system generated on each day of a month in exact Wh, None on a day without a number.

    A meter takes part from its first reading until its end.
    """
    midnights = midnights_of(month)
    said = [one.facts for one in facts.list_system_versions(connection, pts_id)]
    power_w_max = greatest_capacity(said, date_at(month.starts_at), month.last_day)
    parts = []
    for meter in registry.list_meters(connection, pts_id):
        registers = ownership.registers_of(connection, meter)
        first = series.first_reading(connection, registers)
        if first is None:
            continue
        readings = {
            *series.find_at(connection, registers, midnights),
            # A step down within the month is among these with both of its readings.
            *series.find_deciding(connection, registers, ()),
        }
        counting = sorted(
            (one for one in readings if meter.read_until is None or one.read_at <= meter.read_until),
            key=lambda one: (one.read_at, one.register_id, one.seq),
        )
        energies_wh = daily_energy(midnights, counting, power_w_max, find_breaks(connection, registers))
        parts.append(MeterDays(first.read_at, meter.read_until, energies_wh))
    return add_meters(midnights, parts)


def read_courses(connection: Connection, pts_id: str, month: ProductionMonth | None, count: int) -> tuple[Course, ...]:
    """Return the course of each meter's register in at most `count` columns: of a month, or from first to last."""
    found = []
    for meter in registry.list_meters(connection, pts_id):
        registers = ownership.registers_of(connection, meter)
        span = _span(connection, registers, meter)
        if span is not None:
            from_at, to_at = span if month is None else (month.starts_at, month.ends_at)
            found.append(Course(meter.serial, columns.read_columns(connection, registers, from_at, to_at, count)))
    return tuple(one for one in found if one.columns)


def read_power(connection: Connection, pts_id: str) -> tuple[Power, ...]:
    """Return the mean power of each meter by half hours, over the `POWER_DAYS` before its last reading."""
    found = []
    for meter in registry.list_meters(connection, pts_id):
        registers = ownership.registers_of(connection, meter)
        span = _span(connection, registers, meter)
        if span is not None:
            from_at = max(span[0], span[1] - POWER_DAYS * 24 * HOUR_MS)
            read = columns.read_columns(connection, registers, from_at, span[1], _POWER_COLUMNS)
            points = [(read[0].first_at, read[0].first_wh), *((one.last_at, one.last_wh) for one in read)]
            found.append(Power(meter.serial, mean_power(points)))
    return tuple(one for one in found if one.points)


def count_hours(connection: Connection, pts_id: str, month: ProductionMonth) -> tuple[tuple[int, ...], ...]:
    """Return how many readings there are of each hour of each day of a month, of all of a system's meters."""
    registers = [
        register
        for meter in registry.list_meters(connection, pts_id)
        for register in ownership.registers_of(connection, meter)
    ]
    return count_register_hours(connection, registers, midnights_of(month))


def count_register_hours(
    connection: Connection, registers: Sequence[int], midnights: Sequence[int]
) -> tuple[tuple[int, ...], ...]:
    """Return how many readings of these registers there are of each hour between these midnights (UTC ms)."""
    counted = columns.count_by_slot(connection, registers, midnights[0], midnights[-1], HOUR_MS)
    hours = [(at - midnights[0]) // HOUR_MS for at in midnights]
    return tuple(tuple(counted.get(hour, 0) for hour in range(start, end)) for start, end in itertools.pairwise(hours))


def usual_count(days: tuple[tuple[int, ...], ...]) -> int:
    """Return how many readings an hour has that has any, most often; 0 where none has. A hub knows no schedule."""
    counted = Counter(number for day in days for number in day if number)
    return max(counted, key=lambda number: (counted[number], number)) if counted else 0


def _span(connection: Connection, registers: tuple[int, ...], meter: Meter) -> tuple[int, int] | None:
    first = series.first_reading(connection, registers)
    last = series.last_reading(connection, registers, meter.read_until)
    return None if first is None or last is None else (first.read_at, last.read_at)
