"""What a retail electricity supplier owes for a year, and how it is met: certificates, banked ones, payment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.parameters import (
    ACP_CENTS,
    BANK_TERMS,
    CLASS_1_PERCENT,
    CLASS_1_PERCENT_YEARLY_AFTER,
    CLASS_1_YEAR_MIN,
    BankCapBasis,
    BankTerms,
    in_force,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.parameters import Standard

_FOUR_PLACES = Decimal("0.0001")
_FRIDAY = 4


@dataclass(frozen=True, slots=True)
class Surplus:
    """Certificates of a year beyond its need (both in whole certificates); `used` of them were used in later years."""

    year: int
    certificates: int
    need: int
    used: int = 0


@dataclass(frozen=True, slots=True)
class BankUse:
    """How many banked certificates of a year may be used."""

    year: int
    certificates: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a year's need is met: banked certificates, then the year's own; what lacks is short, what is over surplus."""

    banked: tuple[BankUse, ...]
    current: int
    short: int
    surplus: int


def minimum_standard(year: int) -> Decimal:
    """Return the Class I minimum standard of a year in percent of sales; raises InputError before 2003.

    Citation: `citations.MINIMUM_STANDARD`.
    """
    if year < CLASS_1_YEAR_MIN:
        message = f"there was no Class I minimum standard in {year}: it began in {CLASS_1_YEAR_MIN}"
        raise InputError(message)
    if year > CLASS_1_PERCENT_YEARLY_AFTER:
        return minimum_standard(CLASS_1_PERCENT_YEARLY_AFTER) + year - CLASS_1_PERCENT_YEARLY_AFTER
    row = in_force(CLASS_1_PERCENT, date(year, 1, 1))
    assert row is not None, "every year between has its row"
    return row.value


def obligation(sales_mwh: int, percent: Decimal) -> Fraction:
    """Return the exact obligation in MWh for a year's sales. Citation: `citations.MINIMUM_STANDARD`."""
    return Fraction(percent) * sales_mwh * Fraction(1, 100)


def certificates_due(obligation_mwh: Fraction) -> int:
    """Return how many certificates meet an obligation: a fraction takes a whole one.

    Citation: `citations.WHOLE_CERTIFICATES`.
    """
    return -(-obligation_mwh.numerator // obligation_mwh.denominator)


def solar_standard(obligation_mwh: int, load_obligation_mwh: int) -> Decimal:
    """Return a solar carve-out's minimum standard in percent, to four places.

    It is the carve-out's obligation of a year over the total load obligation of the second year before.
    Citation: `citations.SOLAR_MINIMUM_STANDARD`.
    """
    ten_thousandths = Fraction(100 * 10_000 * obligation_mwh, load_obligation_mwh)
    whole = (2 * ten_thousandths.numerator + ten_thousandths.denominator) // (2 * ten_thousandths.denominator)
    return (Decimal(whole) * _FOUR_PLACES).quantize(_FOUR_PLACES, ROUND_HALF_UP)


def bank_terms(standard: Standard, generation_year: int) -> BankTerms:
    """Return how much of a generation year's surplus may be used later and for how long.

    Citation: `citations.BANKED_CLASS_1`.
    """
    row = in_force(BANK_TERMS[standard], date(generation_year, 1, 1))
    assert row is not None, "the first row of each standard has no date"
    return row.value


def usable_bank(
    standard: Standard,
    use_year: int,
    need: int,
    bank: Sequence[Surplus],
    basis: BankCapBasis = BankCapBasis.USE_YEAR,
) -> tuple[BankUse, ...]:
    """Return how many banked certificates may be used for a year with this need, the oldest first, and none beyond it.

    The cap is a share of the need of the year in which they are used, for all together; or of the year in which they
    were generated, for each year by itself. Citation: `citations.BANKED_PTS`.
    """
    uses: list[BankUse] = []
    for surplus in sorted(bank, key=lambda one: one.year):
        terms = bank_terms(standard, surplus.year)
        if not surplus.year < use_year <= surplus.year + terms.years:
            continue
        used = sum(use.certificates for use in uses)
        if basis is BankCapBasis.USE_YEAR:
            room = terms.percent * need // 100 - used
        else:
            room = terms.percent * surplus.need // 100 - surplus.used
        usable = min(surplus.certificates - surplus.used, room, need - used)
        if usable > 0:
            uses.append(BankUse(surplus.year, usable))
    return tuple(uses)


def settle(need: int, held: int, banked: Sequence[BankUse] = ()) -> Settlement:
    """Return how a need is met by banked certificates, then by those `held` of the year itself.

    Citation: `citations.WHOLE_CERTIFICATES`.
    """
    left = need - sum(use.certificates for use in banked)
    assert left >= 0, "no more is taken from the bank than is needed"
    current = min(left, held)
    return Settlement(tuple(banked), current, left - current, held - current)


def find_rate(standard: Standard, year: int) -> int | None:
    """Return the alternative compliance rate of a year in cents per MWh, None where it was not found published.

    Citation: `citations.ACP_BASE`.
    """
    row = in_force(ACP_CENTS.get(standard, ()), date(year, 1, 1))
    return None if row is None else row.value


def alternative_payment(standard: Standard, year: int, short: int) -> int:
    """Return the alternative compliance payment in cents for so many missing MWh.

    Raises InputError where the rate of that year was not found published. Citation: `citations.ACP_BASE`.
    """
    rate_cents = find_rate(standard, year)
    if rate_cents is None:
        years = [rate.from_on.year for rate in ACP_CENTS.get(standard, ()) if rate.from_on is not None]
        known = ", ".join(map(str, years)) or "no year"
        message = f"the {standard} payment rate of {year} is not known here ({known}): take it from DOER's publication"
        raise InputError(message)
    return rate_cents * short


def filing_due_on(year: int) -> date:
    """Return the last day for the compliance filing of a year. Citation: `citations.FILING`."""
    due = date(year + 1, 7, 1)
    return due if due.weekday() <= _FRIDAY else due + timedelta(days=7 - due.weekday())
