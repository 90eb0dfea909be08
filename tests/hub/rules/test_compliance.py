"""Compliance: no number is made up, and what is met is never more than what is owed."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules.citations import MANUAL_LIMIT_10_KW
from hub.rules.compliance import (
    Surplus,
    certificates_due,
    filing_due_on,
    minimum_standard,
    obligation,
    settle,
    usable_bank,
)
from hub.rules.parameters import ACP_CENTS, BankCapBasis, Dated, Standard, in_force

surpluses = st.builds(
    Surplus, st.integers(2010, 2020), st.integers(0, 10_000), st.integers(0, 50_000), st.integers(0, 5_000)
)


@given(
    st.sampled_from(Standard),
    st.integers(2010, 2024),
    st.integers(0, 50_000),
    st.lists(surpluses, max_size=6, unique_by=lambda surplus: surplus.year),
    st.sampled_from(BankCapBasis),
    st.integers(0, 60_000),
)
def test_a_need_is_met_exactly(  # noqa: PLR0913, PLR0917 - everything that bears on it
    standard: Standard, use_year: int, need: int, bank: list[Surplus], basis: BankCapBasis, held: int
) -> None:
    """Banked, current and short certificates are together the need; nothing is used that is not there or too old."""
    uses = usable_bank(standard, use_year, need, bank, basis)
    known = {surplus.year: surplus for surplus in bank}
    assert [use.year for use in uses] == sorted(use.year for use in uses)
    for use in uses:
        assert 0 < use.certificates <= known[use.year].certificates - known[use.year].used
        assert use.year < use_year <= use.year + 3
    if basis is BankCapBasis.USE_YEAR:
        assert 10 * sum(use.certificates for use in uses) <= 3 * need
    settlement = settle(need, held, uses)
    assert sum(use.certificates for use in uses) + settlement.current + settlement.short == need
    assert settlement.current + settlement.surplus == held
    assert settlement.short == 0 or settlement.surplus == 0


@given(st.integers(0, 10**9), st.integers(2003, 2200))
def test_an_obligation_is_exact_and_met_by_the_next_whole_certificate(sales_mwh: int, year: int) -> None:
    """What has to be bought is less than one certificate above the exact share of the sales."""
    exact = obligation(sales_mwh, minimum_standard(year))
    assert 0 <= certificates_due(exact) - exact < 1
    assert exact * 100 == Fraction(minimum_standard(year)) * sales_mwh


def test_the_minimum_standard_never_falls() -> None:
    """From 2003 on each year asks for more than the year before."""
    percents = [minimum_standard(year) for year in range(2003, 2051)]
    assert percents == sorted(set(percents))
    assert percents[-1] == Decimal(60)


@given(st.integers(2003, 2990))
def test_the_filing_is_due_on_a_business_day_from_july_1(year: int) -> None:
    """It is July 1 of the next year, unless a weekend is between."""
    due = filing_due_on(year)
    assert due.weekday() < 5
    assert date(year + 1, 7, 1) <= due < date(year + 1, 7, 1) + timedelta(days=3)


@pytest.mark.parametrize("standard", ACP_CENTS)
def test_a_rate_holds_for_its_year_only(standard: Standard) -> None:
    """No rate reaches into a year for which none was found published."""
    years = [rate.from_on.year for rate in ACP_CENTS[standard] if rate.from_on is not None]
    found = [year for year in range(2000, 2040) if in_force(ACP_CENTS[standard], date(year, 7, 1)) is not None]
    assert found == years


def test_of_several_rows_the_latest_to_begin_holds() -> None:
    """A row without a date holds until another begins; one that has ended does not come back."""
    rows = [
        Dated("always", None, MANUAL_LIMIT_10_KW),
        Dated("later", date(2020, 1, 1), MANUAL_LIMIT_10_KW, date(2020, 12, 31)),
    ]
    held = [in_force(rows, date(year, month, 1)) for year, month in ((2019, 12), (2020, 1), (2020, 12), (2021, 1))]
    assert [row.value for row in held if row is not None] == ["always", "later", "later", "always"]
    assert in_force(rows[1:], date(2021, 1, 1)) is None
