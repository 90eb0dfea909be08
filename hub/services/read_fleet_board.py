"""Read the fleet board as it was last drawn: how many devices stand where, and how the last days went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from hub.fleet.axes import Axis
from hub.fleet.looks import HOUR_MS, by_urgency
from hub.rules.periods import date_at
from hub.rules.windows import midnight_at
from hub.services.check_ready import check_ready
from hub.services.checks import Standing
from hub.store import fleet_hours

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from hub.fleet.axes import Urgency
    from hub.fleet.looks import FleetLook
    from hub.services.checks import Check
    from hub.store.database import Database
    from hub.store.fleet_hours import FleetHour

DAYS = 7


@dataclass(frozen=True, slots=True)
class FleetDay:
    """A day of the regulator's with its hours that have begun, None for those in which the hub did not look."""

    on: date
    hours: tuple[FleetHour | None, ...]


@dataclass(frozen=True, slots=True)
class FleetBoard:
    """The board: `axes` has the words of each axis under their urgency, with how many devices stand there.

    `look` is None, and `axes` empty, before the hub first looked. `days` are the last seven, today the last; `bad` are
    the checks of the hub itself that are not good.
    """

    look: FleetLook | None
    axes: Mapping[Axis, Mapping[Urgency, tuple[tuple[str, int], ...]]]
    days: tuple[FleetDay, ...]
    bad: tuple[Check, ...]

    @property
    def past_hours(self) -> tuple[FleetHour, ...]:
        """The hours in which the hub looked and that are over, in order of time."""
        slots = [hour for day in self.days for hour in day.hours]
        return tuple(hour for hour in slots[:-1] if hour is not None)

    @property
    def hours(self) -> tuple[FleetHour, ...]:
        """The hours in which the hub looked, in order of time."""
        return tuple(hour for day in self.days for hour in day.hours if hour is not None)


def read_fleet_board(
    database: Database, look: FleetLook | None, now: int, *, broker_connected: bool | None
) -> FleetBoard:
    """Return the board at `now` (UTC ms): it costs the same however large the fleet is."""
    today = date_at(now)
    dates = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    with database.read() as connection:
        known = {one.hour_at: one for one in fleet_hours.list_hours(connection, midnight_at(dates[0]))}
    checks = check_ready(database, broker_connected=broker_connected)
    return FleetBoard(
        look=look,
        axes={} if look is None else {axis: by_urgency(look.counts, axis) for axis in Axis},
        days=tuple(FleetDay(on, tuple(known.get(hour_at) for hour_at in _hours_of(on, now))) for on in dates),
        bad=tuple(one for one in checks if one.standing is Standing.BAD),
    )


def _hours_of(on: date, now: int) -> range:
    """Return when the hours of a day begin, those that have begun; one whose clocks change has 23 or 25."""
    return range(midnight_at(on), min(midnight_at(on + timedelta(days=1)), now + 1), HOUR_MS)
