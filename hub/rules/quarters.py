"""Production quarters, and when their certificates come: sent to the registry, created, traded, gone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from hub.errors import InputError
from hub.rules.periods import ProductionMonth
from hub.rules.windows import midnight_at

UPLOAD_DAY = 10
CREATION_DAY = 15
TRADING_MONTHS = 2

_QUARTER = re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)
_MONTHS = 3
_QUARTERS = 4


@dataclass(frozen=True, slots=True, order=True)
class ProductionQuarter:
    """A calendar quarter of generation."""

    year: int
    quarter: int

    def __post_init__(self) -> None:
        """Refuse what is no quarter; raises InputError."""
        ProductionMonth(self.year, 1)
        if not 1 <= self.quarter <= _QUARTERS:
            message = f"{self.year:04d}-Q{self.quarter} is not a quarter: write it as YYYY-Qn, from Q1 to Q4"
            raise InputError(message)

    def __str__(self) -> str:
        """Return the quarter as `YYYY-Qn`."""
        return f"{self.year:04d}-Q{self.quarter}"

    @property
    def months(self) -> tuple[ProductionMonth, ProductionMonth, ProductionMonth]:
        """The three months of the quarter, in order."""
        last = self.quarter * _MONTHS
        return (
            ProductionMonth(self.year, last - 2),
            ProductionMonth(self.year, last - 1),
            ProductionMonth(self.year, last),
        )

    @property
    def begins_on(self) -> date:
        """The first day of the quarter."""
        return date(self.year, self.quarter * _MONTHS - 2, 1)


@dataclass(frozen=True, slots=True)
class GisCalendar:
    """The dates of a quarter's certificates: sent on, created on, and the last day of trading (its end, Eastern)."""

    upload_on: date
    created_on: date
    trading_ends_on: date


def parse_quarter(text: str) -> ProductionQuarter:
    """Return the quarter written `YYYY-Qn`; raises InputError for anything else."""
    match = _QUARTER.fullmatch(text)
    if match is None:
        message = f"{text!r:.60} is not a production quarter: write it as YYYY-Qn, such as 2024-Q1"
        raise InputError(message)
    return ProductionQuarter(int(match[1]), int(match[2]))


def quarter_of(month: ProductionMonth) -> ProductionQuarter:
    """Return the quarter that a month is in. Citation: `citations.GIS_CALENDAR`."""
    return ProductionQuarter(month.year, (month.month + 2) // _MONTHS)


def gis_calendar(quarter: ProductionQuarter) -> GisCalendar:
    """Return when a quarter is sent, created as certificates and traded until.

    Creation is on the 15th of the first month of the second quarter after it. Citation: `citations.GIS_CALENDAR`.
    """
    later = quarter.year * _QUARTERS + quarter.quarter - 1 + 2
    year, month = later // _QUARTERS, later % _QUARTERS * _MONTHS + 1
    return GisCalendar(
        upload_on=uploaded_on(quarter),
        created_on=date(year, month, CREATION_DAY),
        trading_ends_on=date(year, month + TRADING_MONTHS, CREATION_DAY),
    )


def uploaded_on(quarter: ProductionQuarter) -> date:
    """Return the day on which a quarter is sent to the registry. Citation: `citations.PTS_UPLOAD`."""
    later = quarter.year * _QUARTERS + quarter.quarter - 1 + 2
    return date(later // _QUARTERS, later % _QUARTERS * _MONTHS + 1, UPLOAD_DAY)


def is_exported(month: ProductionMonth, at_ms: int) -> bool:
    """Return whether a month's quarter counts as sent at an instant (UTC ms): a change is a true-up item from then on.

    Citation: `citations.EXPORTED_QUARTER`.
    """
    return at_ms >= midnight_at(uploaded_on(quarter_of(month)))
