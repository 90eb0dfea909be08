"""What the law puts a number on: rows with the date from which each is followed and the place where it stands.

The pages of the Production Tracking System give the default; a newer rule is a row beside it that names its source.
Where a source gives no date, the operator states one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from hub.rules import citations
from hub.rules import market_citations as market

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.rules.citations import Citation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dated(Generic[T]):
    """One value of the law, in force from `from_on` through `until_on`, both included.

    Without `from_on` it was always so, as far as its source says; without `until_on` it goes on until a later row.
    """

    value: T
    from_on: date | None
    citation: Citation
    until_on: date | None = None


def in_force(rows: Iterable[Dated[T]], on: date) -> Dated[T] | None:
    """Return the row in force on a day, the latest to begin of those that hold; None where none does."""
    holding = [
        row
        for row in rows
        if (row.from_on is None or row.from_on <= on) and (row.until_on is None or on <= row.until_on)
    ]
    return max(holding, key=lambda row: row.from_on or date.min, default=None)


class Basis(StrEnum):
    """On which side of the inverter a nameplate counts."""

    DC = "DC"
    AC = "AC"


@dataclass(frozen=True, slots=True)
class ManualLimit:
    """Up to which nameplate, in whole watts and included, production may be reported by hand."""

    pv_w_dc: int
    other_w: int
    other_basis: Basis


MANUAL_LIMIT = Dated(ManualLimit(10_000, 10_000, Basis.DC), None, citations.MANUAL_LIMIT_10_KW)
"""The default: what the pages of the Production Tracking System say."""

MANUAL_LIMIT_RAISED = Dated(ManualLimit(25_000, 25_000, Basis.AC), None, citations.MANUAL_LIMIT_25_KW)
"""What the help centre says; it names no date, so the operator does: `manual_limits`."""


def manual_limits(raised_on: date | None = None) -> tuple[Dated[ManualLimit], ...]:
    """Return the limits of manual reporting; the raised one follows from the day that the operator states, if any.

    Citation: `citations.MANUAL_LIMIT_25_KW`.
    """
    if raised_on is None:
        return (MANUAL_LIMIT,)
    return (MANUAL_LIMIT, replace(MANUAL_LIMIT_RAISED, from_on=raised_on))


class Sending(StrEnum):
    """How a month's energy is sent to the registry: by the kWh, or only in whole MWh."""

    WHOLE_MWH = "whole_mwh"
    THOUSANDTHS = "thousandths"


SENDING = (
    Dated(Sending.WHOLE_MWH, None, market.WHOLE_MWH),
    Dated(Sending.THOUSANDTHS, date(2017, 10, 1), market.MONTHLY_MWH),
)
"""By the first day of the production quarter."""


class Sector(StrEnum):
    """A market sector of the Solar Carve-Out II; A is divided by nameplate, at 25 kW DC."""

    A_SMALL = "A, up to 25 kW DC"
    A_LARGE = "A, above 25 kW DC"
    B = "B"
    C = "C"
    MANAGED_GROWTH = "Managed Growth"


def _by_completion(*percents: int) -> tuple[Dated[int], ...]:
    begins = (None, date(2017, 1, 9), date(2017, 5, 9), date(2018, 4, 1))
    return tuple(
        Dated(percent, from_on, market.SREC_2_FACTORS) for percent, from_on in zip(percents, begins, strict=True)
    )


SREC_2_FACTORS: Mapping[Sector, tuple[Dated[int], ...]] = {
    Sector.A_SMALL: _by_completion(100, 80, 80, 80),
    Sector.A_LARGE: _by_completion(100, 80, 70, 65),
    Sector.B: _by_completion(90, 70, 60, 55),
    Sector.C: _by_completion(80, 65, 55, 50),
    Sector.MANAGED_GROWTH: _by_completion(70, 55, 50, 45),
}
"""Certificates for each hundred MWh, by the day of mechanical completion. The second row further asks that half of the
cost was spent by 8 May 2017, which whoever states the day has to know."""

FULL_FACTOR = Dated(100, None, market.SREC_1_FACTOR)
"""Certificates for each hundred MWh under SREC I and Class I."""


class Standard(StrEnum):
    """An obligation of retail electricity suppliers in Massachusetts."""

    CLASS_1 = "Class I"
    SOLAR_1 = "Solar Carve-Out I"
    SOLAR_2 = "Solar Carve-Out II"
    CLASS_2 = "Class II renewable"
    WASTE = "Class II waste energy"
    APS = "APS"
    CPS = "Clean Peak"


def _years(first: int, *percents: str) -> tuple[Dated[Decimal], ...]:
    return tuple(
        Dated(Decimal(percent), date(year, 1, 1), market.MINIMUM_STANDARD, date(year, 12, 31))
        for year, percent in enumerate(percents, first)
    )


CLASS_1_YEAR_MIN = 2003

CLASS_1_PERCENT = (
    *_years(
        CLASS_1_YEAR_MIN,
        "1.0",
        "1.5",
        "2.0",
        "2.5",
        "3.0",
        "3.5",
        "4.0",
        "5.0",
        "6.0",
        "7.0",
        "8.0",
        "9.0",
        "10.0",
        "11.0",
    ),
    *_years(2017, "12.0", "13.0", "14.0", "16.0", "18.0", "20.0", "22.0", "24.0", "27.0", "30.0", "33.0", "36.0"),
    *_years(2029, "39.0", "40.0"),
)
"""Percent of a year's sales; from 2031 on one percent more each year than in the year before."""

CLASS_1_PERCENT_YEARLY_AFTER = 2030


@dataclass(frozen=True, slots=True)
class BankTerms:
    """How much surplus may be used later: a share of a year's need in percent, and in how many next years."""

    percent: int
    years: int


BANK_TERMS: Mapping[Standard, tuple[Dated[BankTerms], ...]] = {
    Standard.CLASS_1: (Dated(BankTerms(30, 2), None, market.BANKED_CLASS_1),),
    Standard.SOLAR_1: (Dated(BankTerms(10, 2), None, market.BANKED_CLASS_1),),
    Standard.SOLAR_2: (Dated(BankTerms(10, 2), None, market.BANKED_CLASS_1),),
    Standard.CLASS_2: (Dated(BankTerms(30, 2), None, market.BANKED_CLASS_2),),
    Standard.WASTE: (
        Dated(BankTerms(30, 2), None, market.BANKED_CLASS_2),
        Dated(BankTerms(0, 2), date(2014, 1, 1), market.BANKED_WASTE),
        Dated(BankTerms(5, 2), date(2016, 1, 1), market.BANKED_WASTE),
    ),
    Standard.APS: (Dated(BankTerms(30, 2), None, market.BANKED_APS),),
    Standard.CPS: (Dated(BankTerms(30, 3), None, market.BANKED_CPS),),
}
"""By the first day of the year of generation."""


class BankCapBasis(StrEnum):
    """Of which year's need the cap on banked certificates is a share.

    USE_YEAR is what the Production Tracking System's page says (the default), GENERATION_YEAR what the regulation says.
    """

    USE_YEAR = "use_year"
    GENERATION_YEAR = "generation_year"


def _paid(year: int, cents: int, citation: Citation) -> Dated[int]:
    return Dated(cents, date(year, 1, 1), citation, date(year, 12, 31))


ACP_CENTS: Mapping[Standard, tuple[Dated[int], ...]] = {
    Standard.CLASS_1: (
        _paid(2003, 50_00, market.ACP_BASE),
        _paid(2013, 65_27, market.ACP_2013),
        _paid(2014, 66_16, market.ACP_2014),
        _paid(2025, 40_00, market.ACP_2025),
    ),
    Standard.SOLAR_1: (
        _paid(2011, 550_00, market.ACP_2011),
        _paid(2013, 550_00, market.ACP_2013),
        _paid(2014, 523_00, market.ACP_2014),
        _paid(2025, 330_00, market.ACP_2025),
    ),
    Standard.SOLAR_2: (_paid(2014, 375_00, market.ACP_2014_SOLAR_2), _paid(2025, 244_00, market.ACP_2025)),
    Standard.CLASS_2: (
        _paid(2009, 25_00, market.ACP_BASE),
        _paid(2013, 26_79, market.ACP_2013),
        _paid(2014, 27_16, market.ACP_2014),
    ),
    Standard.WASTE: (
        _paid(2009, 10_00, market.ACP_BASE),
        _paid(2013, 10_72, market.ACP_2013),
        _paid(2014, 10_86, market.ACP_2014),
    ),
    Standard.APS: (
        _paid(2013, 21_43, market.ACP_2013),
        _paid(2014, 21_72, market.ACP_2014),
        _paid(2018, 22_64, market.ACP_APS),
        _paid(2019, 23_13, market.ACP_APS),
    ),
}
"""Cents for each missing MWh, for the years whose rate was found published; no rate is made up for another year."""
