"""Production out of SQL: the same numbers as the rules give on the plain list of readings."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import UnknownSubjectError
from hub.rules.periods import month_of, months_through, parse_month
from hub.rules.production import gather_evidence, monthly_production
from hub.services.accept_blocks import accept_blocks
from hub.services.compute_production import compute_month, compute_months
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import registry, series
from tests.hub.conftest import SYSTEM
from tests.hub.making import GENERATED, JULY_AT, NOW, TERMS, MadeDevice, fetch, make_meter, make_readings

if TYPE_CHECKING:
    from hub.store.database import Database

DAY_MS = 86_400_000
JULY = parse_month("2016-07")


def _log(counts: list[int], step_ms: int = DAY_MS) -> MadeDevice:
    device = MadeDevice()
    device.seal(make_meter())
    for place in range(0, len(counts), 10):
        part = counts[place : place + 10]
        device.seal(make_readings(make_meter(), part, JULY_AT + place * step_ms, step_ms))
    return device


def test_a_finished_month_is_exact_and_names_its_readings(registered: Database) -> None:
    """July is what the register showed at its end less what it showed at its start."""
    device = _log([5000 + 321 * day for day in range(45)])
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        july = compute_month(connection, SYSTEM, JULY)
        months = compute_months(connection, SYSTEM)
    assert (july.production.production_wh, july.production.complete) == (31 * 321, True)
    assert [str(month.production.month) for month in months] == ["2016-08", "2016-07"]
    (part,) = july.meters
    assert part.production.opening is not None
    assert part.production.closing is not None
    assert (part.production.opening.read_at, part.production.closing.read_at) == (JULY.starts_at, JULY.ends_at)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.integers(-200, 10_000), min_size=1, max_size=70),
    data=st.data(),
)
def test_sql_and_rules_agree(tmp_path_factory: pytest.TempPathFactory, steps: list[int], data: st.DataObject) -> None:
    """For any register, also one that goes down, in any order of arrival, SQL finds what the plain list gives."""
    counts = [max(0, count) for count in itertools.accumulate(steps, initial=1000)]
    device = _log(counts)
    arrivals = data.draw(st.permutations(device.arrivals()))
    database = open_hub(tmp_path_factory.mktemp("agree") / "hub", new_timeline=b"timeline", at=NOW)
    try:
        register_device(database, device.pem, "", NOW)
        register_system(database, SYSTEM, "", "7.5", NOW)
        register_meter(database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
        for arrival in arrivals:
            accept_blocks(database, [arrival], TERMS, NOW)
        with database.read() as connection:
            (meter,) = registry.list_meters(connection, SYSTEM)
            registers = series.registers_of(connection, meter)
            readings = [reading for _, reading in series.list_readings(connection, registers, None, 1000)]
            assert [reading.register_wh for reading in readings] == counts
            for month in months_through(JULY, month_of(readings[-1].read_at)):
                found = compute_month(connection, SYSTEM, month).meters[0].production
                assert found == monthly_production(month, gather_evidence(month, readings), 7500)
    finally:
        database.close()


def test_readings_before_the_registration_count(database: Database) -> None:
    """A meter registered late owns the readings that came before."""
    device = _log([5000 + 321 * day for day in range(45)])
    register_device(database, device.pem, "", NOW)
    accept_blocks(database, device.arrivals(), TERMS, NOW)
    register_system(database, SYSTEM, "", "7.5", NOW)
    with database.read() as connection, pytest.raises(UnknownSubjectError, match="no reading in 2016-07"):
        compute_month(connection, SYSTEM, JULY)
    register_meter(database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
    with database.read() as connection:
        assert compute_month(connection, SYSTEM, JULY).production.production_wh == 31 * 321


def test_a_scale_that_changes_keeps_the_register(registered: Database) -> None:
    """A meter that begins to show tenths of a kWh is still the same register: energy is compared, not counts."""
    coarse = make_meter(register=replace(GENERATED, scale_exponent=2))
    device = MadeDevice()
    device.seal(make_meter(), make_readings(make_meter(), [10_000], JULY.starts_at))
    device.seal(coarse, make_readings(coarse, [150], JULY.ends_at))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        july = compute_month(connection, SYSTEM, JULY)
    assert (july.production.production_wh, july.production.resolution_wh) == (5000, 100)


def test_a_reading_from_a_clock_never_set_decides_no_month(registered: Database) -> None:
    """What a device dated 1970 is kept, and opens no month."""
    device = MadeDevice()
    device.seal(make_meter(), make_readings(make_meter(), [1], 1_000_000))
    device.seal(make_readings(make_meter(), [5000, 9000], JULY.starts_at, JULY.ends_at - JULY.starts_at))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert fetch(registered, "SELECT count(*) FROM reading") == [(3,)]
    with registered.read() as connection:
        months = compute_months(connection, SYSTEM)
    assert [(str(month.production.month), month.production.production_wh) for month in months] == [("2016-07", 4000)]


def test_a_decrease_at_one_instant_is_found(registered: Database) -> None:
    """After a step of the clock two readings may have the same time; a register that went down between them is seen."""
    device = MadeDevice()
    device.seal(make_meter(), make_readings(make_meter(), [100, 150], JULY_AT, DAY_MS))
    device.seal(make_readings(make_meter(), [200], JULY_AT + DAY_MS))
    device.seal(make_readings(make_meter(), [300], JULY.ends_at))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        (part,) = compute_month(connection, SYSTEM, JULY).meters
    assert [str(finding.kind) for finding in part.production.findings] == ["register_decreased"]


def test_an_unknown_system_is_named(registered: Database) -> None:
    """Who asks for a system that is not here is told its name and what to do."""
    with registered.read() as connection, pytest.raises(UnknownSubjectError, match="'NOPE' is not registered"):
        compute_months(connection, "NOPE")
