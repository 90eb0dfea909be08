"""Production months in the regulator's zone. Daylight saving is decided here and nowhere else."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hub.errors import InputError
from hub.rules.instants import to_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

REGULATOR_ZONE = ZoneInfo("America/New_York")

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_YEAR_MIN = 1970
_YEAR_MAX = 2999
_MONTHS = 12


@dataclass(frozen=True, slots=True, order=True)
class ProductionMonth:
    """A calendar month of generation, local to Massachusetts: from its first midnight to the next month's."""

    year: int
    month: int

    def __post_init__(self) -> None:
        """Refuse what is no month; raises InputError."""
        if not (_YEAR_MIN <= self.year <= _YEAR_MAX and 1 <= self.month <= _MONTHS):
            message = (
                f"{self.year:04d}-{self.month:02d} is not a production month: write it as YYYY-MM, "
                f"from {_YEAR_MIN}-01 to {_YEAR_MAX}-12"
            )
            raise InputError(message)

    def __str__(self) -> str:
        """Return the month as `YYYY-MM`."""
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def starts_at(self) -> int:
        """UTC ms of the first local midnight of the month. Citation: `citations.CALENDAR_MONTH`."""
        return _first_midnight(self.year, self.month)

    @property
    def ends_at(self) -> int:
        """UTC ms at which the next month starts. Citation: `citations.CALENDAR_MONTH`."""
        return _first_midnight(self.year + self.month // _MONTHS, self.month % _MONTHS + 1)

    @property
    def last_day(self) -> date:
        """The last day of the month."""
        return date(self.year, self.month, monthrange(self.year, self.month)[1])

    def next(self) -> ProductionMonth:
        """Return the month after this one; raises InputError after the last one."""
        return ProductionMonth(self.year + self.month // _MONTHS, self.month % _MONTHS + 1)

    def previous(self) -> ProductionMonth:
        """Return the month before this one; raises InputError before the first one."""
        return ProductionMonth(self.year - (self.month == 1), (self.month - 2) % _MONTHS + 1)


def parse_month(text: str) -> ProductionMonth:
    """Return the month written `YYYY-MM`; raises InputError for anything else."""
    match = _MONTH.fullmatch(text)
    if match is None:
        message = f"{text!r} is not a production month: write it as YYYY-MM, such as 2016-07"
        raise InputError(message)
    return ProductionMonth(int(match[1]), int(match[2]))


def month_of(at_ms: int) -> ProductionMonth:
    """Return the production month that holds this instant (UTC ms). Citation: `citations.CALENDAR_MONTH`."""
    local = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(REGULATOR_ZONE)
    return ProductionMonth(local.year, local.month)


def date_at(at_ms: int) -> date:
    """Return the date in Massachusetts at an instant (UTC ms). Citation: `citations.CALENDAR_MONTH`."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(REGULATOR_ZONE).date()


def months_through(first: ProductionMonth, last: ProductionMonth) -> Iterator[ProductionMonth]:
    """Yield every month from `first` to `last`, both included; nothing if `last` is earlier."""
    month = first
    while month < last:
        yield month
        month = month.next()
    if month == last:
        yield month


def _first_midnight(year: int, month: int) -> int:
    return to_instant(datetime(year, month, 1, tzinfo=REGULATOR_ZONE).astimezone(UTC))
