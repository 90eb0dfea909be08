"""Cases of compliance: what a supplier owes, what banked certificates and payments do."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hub.errors import InputError
from hub.rules.class_one import parse_surplus, weigh_year
from hub.rules.compliance import (
    Surplus,
    alternative_payment,
    bank_terms,
    certificates_due,
    filing_due_on,
    minimum_standard,
    obligation,
    settle,
    solar_standard,
    usable_bank,
)
from hub.rules.parameters import BankCapBasis, Standard
from tests.hub.rules.case_files import asks

if TYPE_CHECKING:
    from collections.abc import Mapping


@asks("minimum_standard")
def ask_obligation(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the percentage of a year, the exact obligation for sales, and the certificates that meet it."""
    try:
        percent = minimum_standard(given["year"])
    except InputError as error:
        return {"refused": str(error)}
    exact = obligation(given["sales_mwh"], percent)
    return {
        "percent": f"{percent:f}",
        "obligation_mwh": f"{Decimal(exact.numerator) / exact.denominator:f}",
        "certificates": certificates_due(exact),
    }


@asks("solar_standard")
def ask_solar_standard(given: Mapping[str, Any]) -> dict[str, object]:
    """Return a carve-out's percentage."""
    return {"percent": f"{solar_standard(given['obligation_mwh'], given['load_obligation_mwh']):f}"}


@asks("banked")
def ask_banked(given: Mapping[str, Any]) -> dict[str, object]:
    """Return, by either reading of the cap, how many banked certificates of each year may be used."""
    standard = Standard(given.get("standard", "Class I"))
    bank = [Surplus(one["year"], one["surplus"], one.get("need", 0), one.get("used", 0)) for one in given["bank"]]
    return {
        basis.value: {
            str(use.year): use.certificates
            for use in usable_bank(standard, given["use_year"], given["need"], bank, basis)
        }
        for basis in BankCapBasis
    }


@asks("bank_terms")
def ask_bank_terms(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the cap and the years of a standard for surplus of a year."""
    terms = bank_terms(Standard(given["standard"]), given["generation_year"])
    return {"percent": terms.percent, "next_years": terms.years}


@asks("settlement")
def ask_settlement(given: Mapping[str, Any]) -> dict[str, object]:
    """Return how the need of a year is met, with the cap as the Production Tracking System's page has it."""
    bank = [Surplus(one["year"], one["surplus"], 0) for one in given.get("bank", [])]
    banked = usable_bank(Standard.CLASS_1, given["year"], given["need"], bank)
    settlement = settle(given["need"], given["held"], banked)
    return {
        "banked": sum(use.certificates for use in settlement.banked),
        "current": settlement.current,
        "short": settlement.short,
        "surplus": settlement.surplus,
    }


@asks("payment")
def ask_payment(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the payment in dollars for missing MWh, or why there is none to name."""
    try:
        cents = alternative_payment(Standard(given["standard"]), given["year"], given["short_mwh"])
    except InputError as error:
        return {"refused": str(error)}
    return {"dollars": f"{cents // 100:,}.{cents % 100:02d}"}


@asks("class_one_year")
def ask_year(given: Mapping[str, Any]) -> dict[str, object]:
    """Return a supplier's year as a whole, by either reading of the cap."""
    try:
        bank = [parse_surplus(text) for text in given.get("bank", [])]
        weighed = weigh_year(given["year"], given["sales_mwh"], given["held"], bank)
    except InputError as error:
        return {"refused": str(error)}
    answer: dict[str, object] = {"need": weighed.need, "filing_due": weighed.filing_due_on.isoformat()}
    for basis, met in weighed.met.items():
        banked = sum(use.certificates for use in met.settlement.banked)
        cents = met.payment_cents
        paid = "rate not known" if cents is None else f"${cents // 100:,}.{cents % 100:02d}"
        answer[basis.value] = (
            f"banked {banked}, of the year {met.settlement.current}, short {met.settlement.short}: {paid}"
        )
    return answer


@asks("filing")
def ask_filing(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the last day for the filing of a year, and its weekday."""
    due = filing_due_on(given["year"])
    return {"due": due.isoformat(), "weekday": f"{due:%A}"}
