"""The calendar and a supplier's year as JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant
from hub.rules.parameters import BankCapBasis

if TYPE_CHECKING:
    from hub.rules.class_one import ClassOneYear, Met
    from hub.rules.windows import ReportingWindow


class WindowJson(BaseModel):
    """A reporting window: from `opens_at`, up to but not including `closes_at`."""

    month: str
    opens_at: str
    closes_at: str


class WindowsJson(BaseModel):
    """The window that is open at an instant, null between two windows, and the one that opens next."""

    at: str
    open: WindowJson | None
    next: WindowJson


class BankedJson(BaseModel):
    """Banked certificates of a year that may be used."""

    year: int
    certificates: int


class MetJson(BaseModel):
    """How a need is met by one reading of the bank's cap; the payment is null where the year's rate is not known."""

    banked: list[BankedJson]
    current: int
    short: int
    surplus: int
    payment_cents: int | None


class ComplianceJson(BaseModel):
    """A supplier's year under Class I; `obligation_mwh` is exact, `need` the whole certificates that meet it.

    `use_year` caps the bank by the need of this year, as the pages of the Production Tracking System have it;
    `generation_year` by the need of the year in which they were generated, as the regulation does.
    """

    year: int
    percent: str
    obligation_mwh: str
    need: int
    rate_cents: int | None
    filing_due_on: str
    use_year: MetJson
    generation_year: MetJson


def windows_json(at: int, window: ReportingWindow | None, following: ReportingWindow) -> WindowsJson:
    """Return the windows at an instant as JSON."""
    return WindowsJson(
        at=format_instant(at), open=None if window is None else _window_json(window), next=_window_json(following)
    )


def compliance_json(weighed: ClassOneYear) -> ComplianceJson:
    """Return a supplier's year as JSON."""
    exact = Decimal(weighed.obligation_mwh.numerator) / weighed.obligation_mwh.denominator
    return ComplianceJson(
        year=weighed.year,
        percent=f"{weighed.percent:f}",
        obligation_mwh=f"{exact:f}",
        need=weighed.need,
        rate_cents=weighed.rate_cents,
        filing_due_on=weighed.filing_due_on.isoformat(),
        use_year=_met_json(weighed.met[BankCapBasis.USE_YEAR]),
        generation_year=_met_json(weighed.met[BankCapBasis.GENERATION_YEAR]),
    )


def _met_json(met: Met) -> MetJson:
    settlement = met.settlement
    return MetJson(
        banked=[BankedJson(year=use.year, certificates=use.certificates) for use in settlement.banked],
        current=settlement.current,
        short=settlement.short,
        surplus=settlement.surplus,
        payment_cents=met.payment_cents,
    )


def _window_json(window: ReportingWindow) -> WindowJson:
    return WindowJson(
        month=str(window.month), opens_at=format_instant(window.opens_at), closes_at=format_instant(window.closes_at)
    )
