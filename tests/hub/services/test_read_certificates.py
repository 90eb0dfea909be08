"""Certificates of a system's asset: what its months give, whoever shares it, under the rule of each quarter."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from hub.errors import InputError, UnknownSubjectError
from hub.rules.closing import RunKind
from hub.rules.facts import Programme, ProgrammeName
from hub.rules.periods import ProductionMonth, parse_month
from hub.rules.windows import window_of
from hub.services.close_month import close_month
from hub.services.read_certificates import AssetMonth, read_certificates
from hub.store import facts
from hub.store.facts import Recorded
from tests.hub.reporting import APR, FEB, JAN, MADE_AT, MAR, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.services.read_certificates import Asset
    from hub.store.database import Database

AT = window_of(APR).closes_at


def join(database: Database, system: str, factor_percent: int, from_on: date = date(2014, 1, 1)) -> None:
    """Put a system into SREC II with this factor."""
    programme = Programme(system, ProgrammeName.SREC_2, from_on, factor_percent=factor_percent)
    with database.write() as connection:
        facts.add_programmes(connection, [programme], Recorded("test", MADE_AT))


def report(
    database: Database, registers: dict[ProductionMonth, int], system: str = SYSTEM, serial: str = "PV-1"
) -> None:
    """Report a new meter's register (kWh) for these months, of which the first is its first."""
    meter = add_meter(database, serial, system, initial_at=min(registers).starts_at)
    for month, register_kwh in registers.items():
        enter(database, meter.meter, month, register_kwh * 1000)


def run(database: Database, *months: ProductionMonth) -> None:
    """Go over these months."""
    for month in months:
        close_month(database, month, RunKind.CLOSE, actor="test", now=AT)


def read(database: Database, system: str = SYSTEM) -> Asset:
    """Return the certificates of a system's asset in spring 2024."""
    with database.read() as connection:
        return read_certificates(connection, system, AT)


def test_certificates_come_with_what_is_left_over(database: Database) -> None:
    """Each month counts with the factor and with what the one before left over; each says when they are created."""
    add_system(database, gis_asset="NON12345")
    join(database, SYSTEM, 80)
    report(database, {JAN: 1_500, FEB: 3_300, MAR: 3_300})
    run(database, JAN, FEB, MAR)
    asset = read(database)
    assert (asset.unit, asset.systems) == ("12345", (SYSTEM,))
    created_on = date(2024, 7, 15)
    assert asset.months == (
        AssetMonth(JAN, 1_500, 1_200_000, 1, 200_000, created_on, is_estimated=False),
        AssetMonth(FEB, 1_800, 1_440_000, 1, 640_000, created_on, is_estimated=False),
        AssetMonth(MAR, 0, 0, 0, 640_000, created_on, is_estimated=False),
    )


def test_systems_of_one_asset_share_what_is_left_over(database: Database) -> None:
    """Two systems, each with its own factor, make certificates together; asked for either, the answer is the same."""
    add_system(database, gis_asset="NON12345")
    add_system(database, OTHER, gis_asset="12345")
    add_system(database, "SLF-AB1234-00003", gis_asset="NON912345")
    for system, factor in ((SYSTEM, 80), (OTHER, 100), ("SLF-AB1234-00003", 100)):
        join(database, system, factor)
    report(database, {JAN: 500})
    report(database, {JAN: 700}, OTHER, "PV-2")
    report(database, {JAN: 9_000}, "SLF-AB1234-00003", "PV-3")
    run(database, JAN)
    with database.read() as connection:
        found = facts.list_with_assets(connection, ["12345", "912345", "5"])
    assert found == {"12345": (SYSTEM, OTHER), "912345": ("SLF-AB1234-00003",), "5": ()}
    asset = read(database)
    assert asset == read(database, OTHER)
    assert asset.systems == (SYSTEM, OTHER)
    (month,) = asset.months
    assert (month.sent_kwh, month.eligible_wh, month.certificates, month.remainder_wh) == (1_200, 1_100_000, 1, 100_000)


def test_the_old_rule_holds_until_2017(database: Database) -> None:
    """Whole MWh until the third quarter of 2017, and what stayed back goes with the first month after it."""
    add_system(database, gis_asset="NON12345")
    join(database, SYSTEM, 80)
    months = [parse_month(f"2017-{number:02d}") for number in range(6, 12)]
    report(database, dict(zip(months, (1_775, 2_000, 2_300, 2_600, 2_700, 2_800), strict=True)))
    run(database, *months)
    asset = read(database)
    assert [(str(month.month), month.sent_kwh) for month in asset.months] == [
        ("2017-06", 1_000),
        ("2017-07", 1_000),
        ("2017-08", 0),
        ("2017-09", 0),
        ("2017-10", 700),
        ("2017-11", 100),
    ]


def test_months_before_the_programme_give_none(database: Database) -> None:
    """A month counts if the system was in a programme on its last day; estimates are marked."""
    add_system(database, gis_asset="NON12345")
    join(database, SYSTEM, 80, date(2024, 2, 15))
    report(database, {JAN: 100, APR: 1_000})
    for month in (JAN, FEB, MAR, APR):
        close_month(database, month, RunKind.CLOSE, actor="test", now=window_of(month).closes_at)
    assert [(month.month, month.is_estimated) for month in read(database).months] == [
        (FEB, True),
        (MAR, True),
        (APR, False),
    ]


def test_a_system_without_asset_has_none(database: Database) -> None:
    """Nothing is made up: the refusal says what to register."""
    known = add_system(database)
    with pytest.raises(UnknownSubjectError, match=f"no asset of the registry is known for system {SYSTEM}: register"):
        read(database)
    with pytest.raises(UnknownSubjectError, match="'NOPE' is not registered"):
        read(database, "NOPE")
    with database.write() as connection:
        named = replace(known, gis_asset="to follow", effective_on=date(2024, 1, 1))
        facts.add_system_versions(connection, [named], Recorded("test", MADE_AT))
    with pytest.raises(InputError, match="'to follow' is not the id of a registry's unit"):
        read(database)
