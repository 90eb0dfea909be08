"""What a meter generated on each day of a month: differences of registers at midnights, for people to look at.

Nothing is reported by days, so they are stricter than months: a day has a number only where a reading stands at both of
its midnights, and what is missing is taken from no other day.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hub.rules.periods import REGULATOR_ZONE
from hub.rules.production import Finding, list_drops, nearest_to, register_difference, stands_at
from hub.rules.windows import midnight_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from hub.rules.periods import ProductionMonth
    from hub.rules.production import Break, Reading


_MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class MeterDays:
    """A meter's energy by days, and from when until when (UTC ms; None: still) it counted."""

    from_at: int
    until_at: int | None
    energies_wh: tuple[int | None, ...]


def midnights_of(month: ProductionMonth) -> tuple[int, ...]:
    """Return the instants (UTC ms) at which the days of a month begin in Massachusetts, and at which the last ends."""
    first = month.last_day.replace(day=1)
    days = month.last_day.day
    return (*(midnight_at(first + timedelta(days=day)) for day in range(days)), month.ends_at)


def last_days(until: date, count: int) -> tuple[date, ...]:
    """Return the `count` days that end with one, the earliest first."""
    return tuple(until - timedelta(days=back) for back in range(count - 1, -1, -1))


def midnights_around(days: Sequence[date]) -> tuple[int, ...]:
    """Return the instants (UTC ms) at which these days, which follow one another, begin, and at which the last ends."""
    return (*map(midnight_at, days), midnight_at(days[-1] + timedelta(days=1)))


def clock_hours(on: date) -> tuple[int, ...]:
    """Return what the clocks of Massachusetts show as each hour of a day begins: 23 or 25 of them where they change."""
    begins_at, ends_at = midnights_around((on,))
    return tuple(
        datetime.fromtimestamp(at // 1000, UTC).astimezone(REGULATOR_ZONE).hour
        for at in range(begins_at, ends_at, _MS_PER_HOUR)
    )


def daily_energy(
    midnights: Sequence[int],
    readings: Sequence[Reading],
    power_w_max: int | None = None,
    breaks: Sequence[Break] = (),
) -> tuple[int | None, ...]:
    """Return a meter's exact Wh between each midnight (UTC ms) and the next, None where its readings allow no number.

    `readings` are one meter's in order of time, with those at the midnights among them.
    """
    standing = [_at(readings, midnight) for midnight in midnights]
    drops = list_drops(readings)
    return tuple(
        _between(opening, closing, drops, power_w_max, breaks) for opening, closing in itertools.pairwise(standing)
    )


def add_meters(midnights: Sequence[int], parts: Sequence[MeterDays]) -> tuple[int | None, ...]:
    """Return the days of a system: the sum over those of its meters that were there on a day.

    It is None on a day on which one of them has no number, and on one on which none was there.
    """
    return tuple(_add(place, day, parts) for place, day in enumerate(itertools.pairwise(midnights)))


def _add(place: int, day: tuple[int, int], parts: Sequence[MeterDays]) -> int | None:
    starts_at, ends_at = day
    there = [
        part.energies_wh[place]
        for part in parts
        if part.from_at < ends_at and (part.until_at is None or starts_at < part.until_at)
    ]
    known = [energy_wh for energy_wh in there if energy_wh is not None]
    return sum(known) if there and len(known) == len(there) else None


def mean_power(points: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the mean power (W) up to each of these registers (UTC ms, Wh) from the one before, at the later instant.

    Where the register went down there is none.
    """
    return tuple(
        (at, (register_wh - before_wh) * _MS_PER_HOUR // (at - before_at))
        for (before_at, before_wh), (at, register_wh) in itertools.pairwise(points)
        if at > before_at and register_wh >= before_wh
    )


def _at(readings: Sequence[Reading], midnight: int) -> Reading | None:
    found = nearest_to(readings, midnight)
    return found if found is not None and stands_at(found, midnight) else None


def _between(
    opening: Reading | None,
    closing: Reading | None,
    drops: Sequence[tuple[Reading, Reading]],
    power_w_max: int | None,
    breaks: Sequence[Break],
) -> int | None:
    if opening is None or closing is None or opening.instrument != closing.instrument or opening.ratio != closing.ratio:
        return None
    if any(one.forbids and one.from_at < closing.read_at and opening.read_at < one.to_at for one in breaks):
        return None
    energy = register_difference(opening, closing, power_w_max)
    fell = any(opening.read_at <= earlier.read_at and later.read_at <= closing.read_at for earlier, later in drops)
    # A register that fell on the way and stands higher all the same did not go on from where it was.
    is_odd = fell and closing.register_wh >= opening.register_wh
    return None if isinstance(energy, Finding) or is_odd else energy
