"""From a month's energy to what is sent to the registry, and from that to whole certificates and what is left over.

Exact by construction: a sent kWh times a factor in whole percent is a whole number of Wh. What is left over belongs to
the registry's asset, which may be several systems together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from hub.rules import parameters
from hub.rules.facts import ProgrammeName
from hub.rules.parameters import FULL_FACTOR, SREC_2_FACTORS, Sending, in_force

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from hub.rules.parameters import Sector
    from hub.rules.quarters import ProductionQuarter

WH_PER_KWH = 1_000
WH_PER_CERTIFICATE = 1_000_000
_KWH_PER_MWH = 1_000


@dataclass(frozen=True, slots=True)
class SentQuarter:
    """What is sent of a quarter's months, in kWh (thousandths of a MWh), and what stays back for the next (Wh)."""

    months_kwh: tuple[int, ...]
    carried_wh: int


@dataclass(frozen=True, slots=True)
class IssuedMonth:
    """The certificates of an asset's month: what counts of it with the factor (Wh), how many whole ones, and the rest.

    `remainder_wh` (less than a certificate's) goes to the asset's next month.
    """

    eligible_wh: int
    certificates: int
    remainder_wh: int


def round_to_kwh(production_wh: int) -> int:
    """Return a month's energy in whole kWh, which are thousandths of a MWh. Citation: `citations.MONTHLY_MWH`."""
    assert production_wh >= 0, "a month generates nothing at the least"
    return (2 * production_wh + WH_PER_KWH) // (2 * WH_PER_KWH)


def sending_rule(quarter: ProductionQuarter) -> Sending:
    """Return how a quarter's months are sent. Citation: `citations.MONTHLY_MWH`."""
    row = in_force(parameters.SENDING, quarter.begins_on)
    assert row is not None, "one of the rows has no date: it was always in force"
    return row.value


def keeps_back(quarter: ProductionQuarter) -> bool:
    """Return whether the quarter before this one may have kept something back. Citation: `citations.WHOLE_MWH`."""
    row = in_force(parameters.SENDING, quarter.begins_on - timedelta(days=1))
    assert row is not None, "one of the rows has no date: it was always in force"
    return row.value is Sending.WHOLE_MWH


def send_quarter(quarter: ProductionQuarter, months_wh: Sequence[int], carried_wh: int = 0) -> SentQuarter:
    """Return what is sent of a system's quarter, month by month; `carried_wh` is what the quarter before kept back.

    Until the third quarter of 2017 only whole MWh were: then what a month leaves goes to the next one. Since then every
    month is sent to the kWh, an exact half up, and nothing stays back. Citation: `citations.WHOLE_MWH`.
    """
    if sending_rule(quarter) is Sending.THOUSANDTHS:
        return SentQuarter(tuple(round_to_kwh(wh) for wh in _carry_in(months_wh, carried_wh)), 0)
    sent: list[int] = []
    for production_wh in months_wh:
        whole, carried_wh = divmod(carried_wh + production_wh, WH_PER_CERTIFICATE)
        sent.append(whole * _KWH_PER_MWH)
    return SentQuarter(tuple(sent), carried_wh)


def count_eligible(sent_kwh: int, factor_percent: int) -> int:
    """Return what of a sent month counts for certificates, in Wh; the factor is certificates for each hundred MWh.

    Citation: `citations.MONTHLY_MWH`.
    """
    return sent_kwh * WH_PER_KWH * factor_percent // 100


def issue(eligible_wh: int, remainder_wh: int = 0) -> IssuedMonth:
    """Return the certificates of an asset's month, with what was left over of the months before.

    Citation: `citations.MONTHLY_MWH`.
    """
    assert 0 <= remainder_wh < WH_PER_CERTIFICATE, "what is left over is less than a certificate"
    certificates, left_wh = divmod(eligible_wh + remainder_wh, WH_PER_CERTIFICATE)
    return IssuedMonth(eligible_wh, certificates, left_wh)


def issue_months(eligible_wh: Sequence[int], remainder_wh: int = 0) -> tuple[IssuedMonth, ...]:
    """Return the certificates of an asset's months in order, each with what the one before left over.

    Citation: `citations.ASSET_CARRY`.
    """
    issued: list[IssuedMonth] = []
    for energy_wh in eligible_wh:
        issued.append(issue(energy_wh, remainder_wh))
        remainder_wh = issued[-1].remainder_wh
    return tuple(issued)


def add_systems(systems_kwh: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return what is sent of an asset, month by month: what is sent of its systems, each rounded for itself.

    Citation: `citations.ASSET_CARRY`.
    """
    return tuple(sum(months) for months in zip(*systems_kwh, strict=True))


def srec_factor(programme: ProgrammeName, sector: Sector | None, completed_on: date) -> int:
    """Return how many certificates each hundred MWh give, by programme, sector and mechanical completion.

    The sector bears on SREC II only, and has to be known there. Citation: `citations.SREC_2_FACTORS`.
    """
    if programme is not ProgrammeName.SREC_2:
        return FULL_FACTOR.value
    assert sector is not None, "a system of SREC II has a market sector"
    row = in_force(SREC_2_FACTORS[sector], completed_on)
    assert row is not None, "the first row of each sector has no date"
    return row.value


def _carry_in(months_wh: Sequence[int], carried_wh: int) -> list[int]:
    return [wh + (carried_wh if place == 0 else 0) for place, wh in enumerate(months_wh)]
