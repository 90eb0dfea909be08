"""Read the certificates of those systems that one may see: by asset of the registry, with what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.periods import date_at
from hub.rules.quarters import gis_calendar, quarter_of
from hub.rules.registry_files import unit_digits
from hub.services.read_certificates import read_certificates, read_units
from hub.store import facts, months

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from hub.rules.facts import SystemFacts
    from hub.rules.periods import ProductionMonth
    from hub.rules.quarters import ProductionQuarter
    from hub.services.read_certificates import Asset, AssetMonth


@dataclass(frozen=True, slots=True)
class AssetQuarter:
    """A quarter of an asset: its months, and the day on which its certificates are created."""

    quarter: ProductionQuarter
    created_on: date
    months: tuple[AssetMonth, ...]

    @property
    def eligible_wh(self) -> int:
        """What counts of its months, in Wh."""
        return sum(month.eligible_wh for month in self.months)

    @property
    def certificates(self) -> int:
        """How many certificates its months give."""
        return sum(month.certificates for month in self.months)


@dataclass(frozen=True, slots=True)
class MissingMonth:
    """A month of a system that gives no certificates, because it has no number or came too late for its quarter."""

    system: str
    month: ProductionMonth
    is_true_up: bool


@dataclass(frozen=True, slots=True)
class OwnAsset:
    """An asset with its quarters, the latest first; `remainder_wh` is what the last month left over.

    Where it is shared with systems that one may not see, nothing of its numbers is told.
    """

    unit: str
    systems: tuple[SystemFacts, ...]
    quarters: tuple[AssetQuarter, ...]
    missing: tuple[MissingMonth, ...]
    is_shared: bool

    @property
    def remainder_wh(self) -> int:
        """What waits for the next month to become a whole certificate, in Wh."""
        return self.quarters[0].months[-1].remainder_wh if self.quarters else 0

    @property
    def eligible_wh(self) -> int:
        """What counted of all months, in Wh."""
        return sum(quarter.eligible_wh for quarter in self.quarters)

    @property
    def certificates(self) -> int:
        """How many certificates all months gave."""
        return sum(quarter.certificates for quarter in self.quarters)

    @property
    def latest(self) -> AssetQuarter | None:
        """The last quarter with a number, None before the first."""
        return self.quarters[0] if self.quarters else None


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A system without an asset, and why."""

    facts: SystemFacts
    why: str


@dataclass(frozen=True, slots=True)
class Assets:
    """A page of assets; `without` are its systems that have none, `next` is the id to go on after, None at the end."""

    assets: tuple[OwnAsset, ...]
    without: tuple[Unassigned, ...]
    next: str | None

    @property
    def eligible_wh(self) -> int:
        """What counted of all months of these assets, in Wh."""
        return sum(asset.eligible_wh for asset in self.assets)

    @property
    def certificates(self) -> int:
        """How many certificates these assets gave."""
        return sum(asset.certificates for asset in self.assets)

    @property
    def missing(self) -> int:
        """How many months of these assets are missing."""
        return sum(len(asset.missing) for asset in self.assets)


def read_assets(connection: Connection, seen: Collection[str] | None, at: int, after: str, limit: int) -> Assets:
    """Return the assets of the next `limit` systems after a PTS id, out of those that are `seen` (None: of all).

    Facts are those of `at` (UTC ms).
    """
    on = date_at(at)
    if seen is None:
        systems = facts.iterate_system_facts(connection, on, after, limit)
    else:
        systems = facts.list_system_facts(connection, sorted(one for one in seen if one > after)[:limit], on)
    groups: dict[str, list[SystemFacts]] = {}
    without: list[Unassigned] = []
    for system in systems:
        try:
            unit = unit_digits(system.gis_asset)
        except InputError as error:
            without.append(Unassigned(system, str(error) if system.gis_asset else "register its GIS asset id"))
        else:
            groups.setdefault(unit, []).append(system)
    read = read_units(connection, groups)
    return Assets(
        assets=tuple(_tell(connection, read[unit], group, seen) for unit, group in groups.items()),
        without=tuple(without),
        next=systems[-1].system if len(systems) == limit else None,
    )


def find_asset(connection: Connection, pts_id: str, seen: Collection[str] | None, at: int) -> OwnAsset:
    """Return the asset that a system has at `at` (UTC ms), with those of its systems that are `seen` (None: all).

    Raises UnknownSubjectError for a system that is not registered or has no asset.
    """
    asset = read_certificates(connection, pts_id, at)
    named = sorted(one for one in {pts_id, *asset.systems} if seen is None or one in seen)
    return _tell(connection, asset, facts.list_system_facts(connection, named, date_at(at)), seen)


def _tell(
    connection: Connection, asset: Asset, systems: Sequence[SystemFacts], seen: Collection[str] | None
) -> OwnAsset:
    if seen is not None and not set(asset.systems) <= set(seen):
        return OwnAsset(asset.unit, tuple(systems), (), (), is_shared=True)
    quarters = [
        AssetQuarter(quarter, gis_calendar(quarter).created_on, tuple(group))
        for quarter, group in groupby(asset.months, key=lambda one: quarter_of(one.month))
    ]
    missing = [one for system in systems for one in _missing(connection, system.system)]
    return OwnAsset(asset.unit, tuple(systems), tuple(reversed(quarters)), tuple(missing), is_shared=False)


def _missing(connection: Connection, pts_id: str) -> Iterator[MissingMonth]:
    for row in months.list_system_months(connection, pts_id):
        if row.production_wh is None or row.is_true_up:
            yield MissingMonth(pts_id, row.month, row.is_true_up)
