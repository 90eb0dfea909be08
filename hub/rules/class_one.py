"""A supplier's year under Class I as a whole: what is owed, how that is met, what is paid, when the filing is due."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.compliance import (
    Settlement,
    Surplus,
    alternative_payment,
    certificates_due,
    filing_due_on,
    find_rate,
    minimum_standard,
    obligation,
    settle,
    usable_bank,
)
from hub.rules.parameters import CLASS_1_YEAR_MIN, BankCapBasis, Standard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal
    from fractions import Fraction

_SURPLUS = re.compile(r"(\d{4}):(\d{1,12}):(\d{1,12})(?::(\d{1,12}))?")
_YEAR_MAX = 2100


@dataclass(frozen=True, slots=True)
class Met:
    """How a need is met by one reading of the bank's cap; `payment_cents` is None where no rate is known."""

    settlement: Settlement
    payment_cents: int | None


@dataclass(frozen=True, slots=True)
class ClassOneYear:
    """A supplier's year: percent of sales, the exact obligation, the whole certificates of it, and how it is met."""

    year: int
    percent: Decimal
    obligation_mwh: Fraction
    need: int
    met: Mapping[BankCapBasis, Met]
    rate_cents: int | None
    filing_due_on: date


def weigh_year(year: int, sales_mwh: int, held: int, bank: Sequence[Surplus]) -> ClassOneYear:
    """Return what a supplier owes for a year's sales and how that is met by what it holds and has banked.

    Raises InputError before the first year of the standard, beyond any that is planned for, and for a year that is
    twice in the bank.
    Citation: `citations.MINIMUM_STANDARD`.
    """
    if year > _YEAR_MAX:
        message = f"{year} is too far away: give a compliance year up to {_YEAR_MAX}"
        raise InputError(message)
    years = [surplus.year for surplus in bank]
    twice = next((one for one in years if years.count(one) > 1), None)
    if twice is not None:
        message = f"the surplus of {twice} is there twice: give one for each year"
        raise InputError(message)
    percent = minimum_standard(year)
    exact = obligation(sales_mwh, percent)
    need = certificates_due(exact)
    rate_cents = find_rate(Standard.CLASS_1, year)
    met: dict[BankCapBasis, Met] = {}
    for basis in BankCapBasis:
        settlement = settle(need, held, usable_bank(Standard.CLASS_1, year, need, bank, basis))
        payment = None if rate_cents is None else alternative_payment(Standard.CLASS_1, year, settlement.short)
        met[basis] = Met(settlement, payment)
    return ClassOneYear(year, percent, exact, need, met, rate_cents, filing_due_on(year))


def parse_surplus(text: str) -> Surplus:
    """Return the surplus written `YEAR:CERTIFICATES:NEED`, or with a fourth number that were used already.

    Raises InputError for anything else. Citation: `citations.BANKED_CLASS_1`.
    """
    match = _SURPLUS.fullmatch(text)
    if match is None:
        message = f"{text!r:.60} is no surplus: write YEAR:CERTIFICATES:NEED of that year, such as 2012:3000:7000"
        raise InputError(message)
    if int(match[1]) < CLASS_1_YEAR_MIN:
        message = f"{int(match[1])} is no year with a surplus: certificates count since {CLASS_1_YEAR_MIN}"
        raise InputError(message)
    return Surplus(int(match[1]), int(match[2]), int(match[3]), int(match[4] or 0))
