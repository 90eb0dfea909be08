"""Assets as their owner sees them: by quarter, with what is left over and what is missing, and nothing of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import event

from hub.rules.closing import RunKind
from hub.rules.facts import Programme, ProgrammeName
from hub.rules.periods import parse_month
from hub.rules.windows import window_of
from hub.services.close_month import close_month
from hub.services.read_assets import MissingMonth, find_asset, read_assets
from hub.store import facts
from hub.store.facts import BEGINNING, Recorded
from tests.hub.reporting import APR, FEB, JAN, MADE_AT, MAR, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.rules.periods import ProductionMonth
    from hub.services.read_assets import Assets
    from hub.store.database import Database

AT = window_of(APR).closes_at
MAY = parse_month("2024-05")


def _report(database: Database, pts_id: str, serial: str, registers: dict[ProductionMonth, int]) -> None:
    programme = Programme(pts_id, ProgrammeName.SREC_2, BEGINNING, factor_percent=100)
    with database.write() as connection:
        facts.add_programmes(connection, [programme], Recorded("test", MADE_AT))
    meter = add_meter(database, serial, pts_id, initial_at=JAN.starts_at)
    for month, register_kwh in registers.items():
        enter(database, meter.meter, month, register_kwh * 1000)


def _run(database: Database, *months: ProductionMonth) -> None:
    for month in months:
        close_month(database, month, RunKind.CLOSE, actor="test", now=window_of(month).closes_at)


def _read(database: Database, seen: set[str] | None, after: str = "", limit: int = 10) -> Assets:
    with database.read() as connection:
        return read_assets(connection, seen, AT, after, limit)


def test_quarters_add_up_and_carry_on(database: Database) -> None:
    """The latest quarter comes first; what its last month left over waits for the next one."""
    add_system(database, gis_asset="NON12345")
    _report(database, SYSTEM, "PV-1", {JAN: 700, FEB: 1_500, MAR: 1_900, APR: 2_250})
    _run(database, JAN, FEB, MAR, APR)
    (asset,) = _read(database, {SYSTEM}).assets
    assert [str(one.quarter) for one in asset.quarters] == ["2024-Q2", "2024-Q1"]
    assert [(one.eligible_wh, one.certificates) for one in asset.quarters] == [(350_000, 1), (1_900_000, 1)]
    assert (asset.eligible_wh, asset.certificates, asset.remainder_wh) == (2_250_000, 2, 250_000)
    assert asset.missing == ()
    assert not asset.is_shared


def test_a_page_costs_its_systems_and_neither_their_months_nor_others(database: Database) -> None:
    """As many statements for four months as for one; all assets of a page are looked up at once."""
    for place in range(3):
        add_system(database, f"SLF-AB1234-0000{place}", gis_asset=f"NON1234{place}")
        _report(database, f"SLF-AB1234-0000{place}", f"PV-{place}", {JAN: 700, FEB: 1_500, MAR: 1_900, APR: 2_250})

    def ask(limit: int) -> list[str]:
        asked: list[str] = []
        with database.read() as connection:
            event.listen(connection, "before_cursor_execute", lambda *said: asked.append(said[2]))
            assert len(read_assets(connection, None, AT, "", limit).assets) == limit
        return asked

    _run(database, JAN)
    before = ask(3)
    _run(database, FEB, MAR, APR)
    assert len(ask(3)) == len(before)
    assert sum("ltrim" in one for one in before) == 1


def test_months_without_a_number_are_missing(database: Database) -> None:
    """A closed month that nobody reported is named with its system."""
    add_system(database, gis_asset="NON12345")
    _report(database, SYSTEM, "PV-1", {JAN: 100})
    _run(database, JAN, FEB)
    (asset,) = _read(database, {SYSTEM}).assets
    assert asset.missing == (MissingMonth(SYSTEM, FEB, is_true_up=False),)


def test_a_page_of_assets_adds_up(database: Database) -> None:
    """Energy, certificates and missing months of all its assets together; without a month there are none of them."""
    for pts_id, serial in ((SYSTEM, "PV-1"), (OTHER, "PV-2")):
        add_system(database, pts_id, gis_asset=f"NON{pts_id[-1]}")
        _report(database, pts_id, serial, {JAN: 1_600})
    assert [one.latest for one in _read(database, None).assets] == [None, None]
    _run(database, JAN, FEB)
    page = _read(database, None)
    assert (page.eligible_wh, page.certificates, page.missing) == (3_200_000, 2, 2)


def test_a_shared_asset_tells_nothing(database: Database) -> None:
    """Who sees only one of its systems learns no number that the other is part of; who sees both, or all, does."""
    for pts_id, serial in ((SYSTEM, "PV-1"), (OTHER, "PV-2")):
        add_system(database, pts_id, gis_asset="12345")
        _report(database, pts_id, serial, {JAN: 900})
    _run(database, JAN)
    (alone,) = _read(database, {SYSTEM}).assets
    assert (alone.is_shared, alone.quarters, alone.missing, alone.remainder_wh) == (True, (), (), 0)
    assert [one.system for one in alone.systems] == [SYSTEM]
    with database.read() as connection:
        found = find_asset(connection, SYSTEM, {SYSTEM}, AT)
    assert found == alone
    for seen in ({SYSTEM, OTHER}, None):
        (both,) = _read(database, seen).assets
        with database.read() as connection:
            assert find_asset(connection, OTHER, seen, AT) == both
        assert (both.is_shared, both.eligible_wh) == (False, 1_800_000)
        assert [one.system for one in both.systems] == [SYSTEM, OTHER]


def test_systems_without_an_asset_say_what_to_do(database: Database) -> None:
    """One that was never registered, and one that is no id of a unit."""
    add_system(database)
    add_system(database, OTHER, gis_asset="to follow")
    first, second = _read(database, None).without
    assert (first.facts.system, first.why) == (SYSTEM, "register its GIS asset id")
    assert "'to follow' is not the id of a registry's unit" in second.why


def test_systems_come_a_page_at_a_time(database: Database) -> None:
    """Each page goes on after the last system of the one before, for those who see some and for those who see all."""
    for pts_id in (SYSTEM, OTHER):
        add_system(database, pts_id, gis_asset=f"NON{pts_id[-1]}")
    for seen in ({SYSTEM, OTHER}, None):
        first = _read(database, seen, limit=1)
        second = _read(database, seen, first.next or "", limit=1)
        assert [page.assets[0].unit for page in (first, second)] == ["1", "2"]
        assert _read(database, seen, second.next or "", limit=1).next is None
    assert _read(database, set()).assets == ()
