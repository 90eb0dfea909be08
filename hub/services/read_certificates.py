"""Read what certificates a system's months give: with the other systems of its asset, month by month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import UnknownSubjectError
from hub.rules.certificates import WH_PER_CERTIFICATE, count_eligible, issue_months, keeps_back
from hub.rules.exporting import choose_months
from hub.rules.periods import date_at
from hub.rules.quarters import gis_calendar, quarter_of
from hub.rules.registry_files import unit_digits
from hub.services.compute_production import find_system
from hub.services.load_quarter import load_months
from hub.store import facts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from hub.rules.exporting import MonthToExport, SentMonth
    from hub.rules.periods import ProductionMonth
    from hub.rules.quarters import ProductionQuarter


@dataclass(frozen=True, slots=True)
class AssetMonth:
    """A month of an asset: what is sent of its systems, what of it counts, the certificates and what is left over.

    `created_on` is when they are created. It is estimated where one of its systems' months was.
    """

    month: ProductionMonth
    sent_kwh: int
    eligible_wh: int
    certificates: int
    remainder_wh: int
    created_on: date
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class Asset:
    """A registry's asset: its unit in digits, the systems that counted for it in some month, and its months."""

    unit: str
    systems: tuple[str, ...]
    months: tuple[AssetMonth, ...]


def read_certificates(connection: Connection, pts_id: str, at: int) -> Asset:
    """Return the certificates of the asset that a system has at `at` (UTC ms), from its first month with a number on.

    Months come from the last runs over them, so the latest may still change. Raises UnknownSubjectError for a system
    that is not registered or has no asset.
    """
    find_system(connection, pts_id)
    known = facts.find_system_facts(connection, pts_id, date_at(at))
    if known is None or not known.gis_asset:
        message = f"no asset of the registry is known for system {pts_id}: register its GIS asset id"
        raise UnknownSubjectError(message)
    unit = unit_digits(known.gis_asset)
    return read_units(connection, [unit])[unit]


def read_units(connection: Connection, units: Collection[str]) -> dict[str, Asset]:
    """Return the certificates of the assets with these ids in digits, as `read_certificates` does, by them."""
    return {
        unit: _read(connection, unit, systems) for unit, systems in facts.list_with_assets(connection, units).items()
    }


def _read(connection: Connection, unit: str, systems: Collection[str]) -> Asset:
    loaded = load_months(connection, systems)
    sent = [month for month in _send(loaded) if month.unit == unit]
    factors = {(month.system, month.month): month.factor_percent for month in loaded}
    return Asset(unit, tuple(sorted({month.system for month in sent})), _issue(sent, factors))


def _send(loaded: Sequence[MonthToExport]) -> list[SentMonth]:
    """Return what is sent of these months, quarter by quarter, under the rule of each."""
    quarters: dict[ProductionQuarter, list[MonthToExport]] = {}
    for month in loaded:
        quarters.setdefault(quarter_of(month.month), []).append(month)
    sent: list[SentMonth] = []
    before: dict[str, int] = {}
    for quarter in sorted(quarters):
        kept = {system: energy_wh % WH_PER_CERTIFICATE for system, energy_wh in before.items()}
        sent += choose_months(quarter, quarters[quarter], kept if keeps_back(quarter) else {}).sent
        for month in quarters[quarter]:
            before[month.system] = before.get(month.system, 0) + month.production_wh
    return sent


def _issue(sent: Sequence[SentMonth], factors: Mapping[tuple[str, ProductionMonth], int]) -> tuple[AssetMonth, ...]:
    of_month: dict[ProductionMonth, list[SentMonth]] = {}
    for one in sorted(sent, key=lambda one: one.month):
        of_month.setdefault(one.month, []).append(one)
    eligible = [
        sum(count_eligible(one.kwh, factors[one.system, month]) for one in group) for month, group in of_month.items()
    ]
    return tuple(
        AssetMonth(
            month=month,
            sent_kwh=sum(one.kwh for one in group),
            eligible_wh=issued.eligible_wh,
            certificates=issued.certificates,
            remainder_wh=issued.remainder_wh,
            created_on=gis_calendar(quarter_of(month)).created_on,
            is_estimated=any(one.is_estimated for one in group),
        )
        for (month, group), issued in zip(of_month.items(), issue_months(eligible), strict=True)
    )
