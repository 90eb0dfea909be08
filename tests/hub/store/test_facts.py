"""Facts in versions: what counts on a day is what became effective last by then, and of that the newest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.rules.facts import MeterFacts, Programme, ProgrammeName, ReportingMode, SystemFacts, Technology
from hub.services.register_system import register_system
from hub.store import facts, meter_facts, registry
from hub.store.facts import BEGINNING, Recorded
from hub.store.memory import MemoryDatabase, empty_image
from hub.store.registry import System
from tests.hub.conftest import SYSTEM
from tests.hub.making import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.store.database import Database

DAY = date(2016, 7, 1)
FULL = SystemFacts(
    system=SYSTEM,
    name="Barn roof",
    effective_on=DAY,
    capacity_w_dc=9200,
    technology=Technology.WIND,
    capacity_w_ac=8000,
    in_service_on=date(2014, 5, 1),
    annual_wh_estimated=9_000_000,
    gis_asset="NON12345",
    reporting_mode=ReportingMode.MANUAL,
    is_funded=True,
    latitude_microdegrees=42_262_593,
    longitude_microdegrees=-71_802_293,
    tilt_degrees=30,
    azimuth_degrees=180,
    zip_code="01608",
    town="Worcester",
)
BY = Recorded("Ada", NOW, "grew")


@pytest.fixture
def memory() -> Iterator[MemoryDatabase]:
    """Return a database in memory with one system in it."""
    opened = MemoryDatabase(empty_image())
    with opened.write() as connection:
        registry.add_system(connection, System(SYSTEM, "Barn roof", "7.5", NOW))
        facts.add_system_versions(connection, [SystemFacts(SYSTEM, "", BEGINNING, 7500)], Recorded("", NOW))
    yield opened
    opened.close()


def test_every_fact_comes_back(registered: Database) -> None:
    """What was said is read again as it was said, by whom and why, and what held before holds before."""
    with registered.write() as connection:
        facts.add_system_versions(connection, [FULL], BY)
    with registered.read() as connection:
        assert facts.find_system_facts(connection, SYSTEM, DAY) == FULL
        before = facts.find_system_facts(connection, SYSTEM, DAY - timedelta(days=1))
        assert before == SystemFacts(SYSTEM, "Barn roof", BEGINNING, 7500)
        first, second = facts.list_system_versions(connection, SYSTEM)
        assert (first.facts, second.facts, second.recorded) == (before, FULL, BY)
        assert first.facts.version < second.facts.version
        assert facts.find_system_facts(connection, "OTHER", DAY) is None


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(said=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 99)), max_size=8), asked=st.integers(0, 9))
def test_the_last_to_become_effective_counts(memory: MemoryDatabase, said: list[tuple[int, int]], asked: int) -> None:
    """Of the facts effective by a day those count that became so last; of one day's the newest."""
    with memory.write() as connection:
        for day, watts in said:
            version = SystemFacts(SYSTEM, "", DAY + timedelta(days=day), watts)
            facts.add_system_versions(connection, [version], BY)
        found = facts.find_system_facts(connection, SYSTEM, DAY + timedelta(days=asked))
        connection.exec_driver_sql("DELETE FROM system_version WHERE effective_on > '1970-01-01'")
    ordered = sorted(enumerate(said), key=lambda one: (one[1][0], one[0]))
    expected = [watts for _, (day, watts) in ordered if day <= asked]
    assert found is not None
    assert found.capacity_w_dc == (expected[-1] if expected else 7500)


def test_all_systems_pass_by_some_at_a_time(database: Database) -> None:
    """Whatever the size of a step, every system comes once, in order, with what holds on the day."""
    names = [f"S-{number:03d}" for number in range(7)]
    for name in reversed(names):
        register_system(database, name, "", "5", NOW)
    with database.write() as connection:
        facts.add_system_versions(connection, [SystemFacts("S-003", "", DAY, 6000)], BY)
    with database.read() as connection:
        for limit in (1, 3, 7, 100):
            seen: list[SystemFacts] = []
            while some := facts.iterate_system_facts(connection, DAY, seen[-1].system if seen else "", limit):
                seen += some
            assert [one.system for one in seen] == names
            assert {one.system: one.capacity_w_dc for one in seen}["S-003"] == 6000
        assert facts.list_system_facts(connection, None, DAY) == tuple(seen)
        assert facts.list_system_facts(connection, {"S-005", "S-001", "NONE"}, DAY) == (seen[1], seen[5])


def test_a_programme_holds_from_its_day_until_its_last() -> None:
    """The programme that began last counts; once it has ended no earlier one goes on."""
    opened = MemoryDatabase(empty_image())
    first = Programme(SYSTEM, ProgrammeName.SREC_2, date(2014, 1, 1), factor_percent=80)
    corrected = replace(first, until_on=date(2023, 12, 31), factor_percent=90)
    later = Programme(SYSTEM, ProgrammeName.CLASS_1, date(2024, 3, 1))
    nothing = Programme(SYSTEM, ProgrammeName.NONE, date(2025, 1, 1))
    with opened.write() as connection:
        registry.add_system(connection, System(SYSTEM, "", "7.5", NOW))
        facts.add_programmes(connection, [first, later, corrected, nothing], BY)
        held = {
            day: facts.find_programme(connection, SYSTEM, date.fromisoformat(day))
            for day in (
                "2013-12-31",
                "2014-01-01",
                "2023-12-31",
                "2024-01-01",
                "2024-03-01",
                "2024-12-31",
                "2025-01-01",
            )
        }
        assert list(held.values()) == [None, corrected, corrected, None, later, later, None]
        assert [one.facts for one in facts.list_programme_versions(connection, SYSTEM)] == [
            first, later, corrected, nothing,
        ]  # fmt: skip
        assert facts.list_all_programmes(connection, [SYSTEM, "OTHER"]) == {
            SYSTEM: {one.from_on: one for one in (corrected, later, nothing)}
        }
    opened.close()


def test_the_newest_of_a_meter_counts(registered: Database) -> None:
    """A meter's facts come by system; its history keeps what was said before."""
    with registered.write() as connection:
        (first,) = meter_facts.list_meter_facts(connection, [SYSTEM])[SYSTEM]
        assert first == MeterFacts(first.meter, SYSTEM, "WN-1001", "", "", is_das=True)
        said = replace(first, accuracy_class_ppm=5000, ct_ratio="200:5", tested_on=DAY, modulus_wh=100_000_000)
        meter_facts.add_meter_versions(connection, [said], BY)
        assert meter_facts.find_meter_facts(connection, first.meter) == said
        assert meter_facts.list_meter_facts(connection, [SYSTEM, "OTHER"]) == {SYSTEM: (said,)}
        assert meter_facts.list_with_serials(connection, {"WN-1001", "X"}) == (said,)
        assert meter_facts.find_meter_facts(connection, 99) is None
        history = meter_facts.list_meter_versions(connection, first.meter)
        assert [one.facts for one in history] == [first, said]
        assert history[1].recorded == BY
