"""What charts are drawn from: exact, and at a cost that is bounded by what is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from hub.rules.periods import parse_month
from hub.services.accept_blocks import Terms, accept_blocks
from hub.services.compute_days import compute_days, count_hours, read_courses, read_power, usual_count
from hub.services.compute_production import compute_months, find_range
from hub.services.end_meter import EndRequest, end_meter
from hub.services.read_events import read_events
from hub.services.read_meters import read_meters, read_system_meters
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from protocol.custody.receiver import SafePolicy
from protocol.messages import MeterEvent
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, QUARTER_MS, MadeDevice, make_meter, make_readings

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.store.database import Database

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
JULY = parse_month("2016-07")
WIDE = Terms(safe=SafePolicy.COMMIT, window=1000, window_backfill=1000, pace_ms=0, timeline=bytes(8))


def _fill(database: Database, days: int, step_ms: int = HOUR_MS, start_at: int = JULY_AT) -> MadeDevice:
    """Let the registered meter be read for some days, at 10 Wh a reading."""
    device = MadeDevice()
    device.seal(make_meter())
    per_day = DAY_MS // step_ms
    for day in range(days):
        counts = [5000 + 10 * (day * per_day + place) for place in range(per_day)]
        device.seal(make_readings(make_meter(), counts, start_at + day * DAY_MS, step_ms))
    accept_blocks(database, device.arrivals(), WIDE, NOW)
    return device


def _count_steps(database: Database, ask: Callable[[Database], object]) -> int:
    """Return how many hundred steps SQLite's machine takes for a question."""
    steps = [0]

    def tick() -> int:
        steps[0] += 1
        return 0

    with database.read() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.set_progress_handler(tick, 100)
    try:
        ask(database)
    finally:
        raw.set_progress_handler(None, 0)
    return steps[0]


def test_days_are_differences_at_midnights(registered: Database) -> None:
    """Each day that was read through has its energy; the last, which nobody saw end, has none."""
    _fill(registered, 5)
    with registered.read() as connection:
        days = compute_days(connection, SYSTEM, JULY)
        before = compute_days(connection, SYSTEM, JULY.previous())
    assert days == (240, 240, 240, 240, *(None,) * 27)
    assert before == (None,) * 30


def test_a_meter_that_ended_has_no_part_in_later_days(registered: Database) -> None:
    """It had no part in them, so they have no number, and the days before its end keep theirs."""
    _fill(registered, 40)
    end_meter(registered, EndRequest(SYSTEM, "WN-1001", "2016-08-01T04:00:00Z"), NOW, "test")
    with registered.read() as connection:
        assert compute_days(connection, SYSTEM, JULY) == (240,) * 31
        assert compute_days(connection, SYSTEM, JULY.next()) == (None,) * 31


def test_courses_have_the_register_s_ends(registered: Database) -> None:
    """Their columns begin and end where the register does, in time and in energy, within a month as well."""
    _fill(registered, 40)
    with registered.read() as connection:
        (whole,) = read_courses(connection, SYSTEM, None, 50)
        (of_july,) = read_courses(connection, SYSTEM, JULY, 400)
        none = read_courses(connection, SYSTEM, parse_month("2016-05"), 400)
    first, last = whole.columns[0], whole.columns[-1]
    assert (first.first_at, first.first_wh) == (JULY_AT, 5000)
    assert (last.last_at, last.last_wh) == (JULY_AT + 40 * DAY_MS - HOUR_MS, 5000 + 10 * (40 * 24 - 1))
    assert len(whole.columns) == 50
    assert all(one.last_at < other.first_at for one, other in zip(whole.columns, whole.columns[1:], strict=False))
    assert of_july.columns[-1].last_at == JULY.ends_at
    assert none == ()


def test_two_devices_at_one_meter_are_one_course(registered: Database) -> None:
    """A second device that takes over gives no second line, and a column takes the first and the last of both."""
    _fill(registered, 2)
    second = MadeDevice(2)
    register_device(registered, second.pem, "Shed", NOW)
    register_meter(registered, MeterRequest(SYSTEM, second.text, "WN-1001"), NOW)
    second.seal(make_meter(), make_readings(make_meter(), [5490, 5500, 5510], JULY_AT + 2 * DAY_MS, HOUR_MS))
    accept_blocks(registered, second.arrivals(), WIDE, NOW)
    with registered.read() as connection:
        (course,) = read_courses(connection, SYSTEM, None, 1)
    (column,) = course.columns
    assert (column.first_at, column.first_wh) == (JULY_AT, 5000)
    assert (column.last_at, column.last_wh) == (JULY_AT + 2 * DAY_MS + 2 * HOUR_MS, 5510)


def test_power_is_of_the_last_days_only(registered: Database) -> None:
    """Ten Wh in an hour are ten watts; one reading alone has no power."""
    _fill(registered, 30)
    with registered.read() as connection:
        (power,) = read_power(connection, SYSTEM)
    assert power.serial == "WN-1001"
    assert {watts for _, watts in power.points} == {10}
    assert power.points[-1][0] - power.points[0][0] <= 7 * DAY_MS


def test_a_system_without_a_reading_has_nothing_to_draw(registered: Database) -> None:
    """No course, no power, no hour, no month."""
    with registered.read() as connection:
        assert read_courses(connection, SYSTEM, None, 50) == ()
        assert read_power(connection, SYSTEM) == ()
        assert usual_count(count_hours(connection, SYSTEM, JULY)) == 0
        assert find_range(connection, SYSTEM) is None
        assert compute_days(connection, SYSTEM, JULY) == (None,) * 31


def test_hours_count_readings(registered: Database) -> None:
    """Four readings an hour are usual here; the day on which the clocks go back has 25 hours."""
    _fill(registered, 3, QUARTER_MS)
    with registered.read() as connection:
        days = count_hours(connection, SYSTEM, JULY)
        november = count_hours(connection, SYSTEM, parse_month("2016-11"))
    assert days[:4] == ((4,) * 24, (4,) * 24, (4,) * 24, (0,) * 24)
    assert usual_count(days) == 4
    assert [len(hours) for hours in november[4:7]] == [24, 25, 24]


def test_months_are_listed_a_part_at_a_time(registered: Database) -> None:
    """The latest first, up to a month and no more than were asked for."""
    _fill(registered, 100)
    with registered.read() as connection:
        whole = [one.production.month for one in compute_months(connection, SYSTEM)]
        until = compute_months(connection, SYSTEM, until=whole[1], limit=2)
        later = compute_months(connection, SYSTEM, until=whole[0].next(), limit=1)
        before = compute_months(connection, SYSTEM, until=whole[-1].previous())
        assert find_range(connection, SYSTEM) == (whole[-1], whole[0])
    assert [one.production.month for one in until] == whole[1:3]
    assert [one.production.month for one in later] == whole[:1]
    assert before == ()


@pytest.mark.parametrize("ask", ["register", "power", "days", "events"])
def test_a_chart_costs_its_columns_and_not_its_readings(registered: Database, ask: str) -> None:
    """Ten times the readings in the same time take hardly more steps of the database; so it is with what happened."""

    def look(database: Database) -> None:
        with database.read() as connection:
            if ask == "register":
                assert read_courses(connection, SYSTEM, None, 40)
            elif ask == "power":
                assert read_power(connection, SYSTEM)
            elif ask == "events":
                assert {one.stated.serial for one in read_events(connection, SYSTEM, 20)} == {"WN-1001"}
            else:
                assert any(compute_days(connection, SYSTEM, JULY))

    first = _fill(registered, 10, HOUR_MS)
    first.seal(*(MeterEvent(0, JULY_AT + (20 + place) * DAY_MS, "stale") for place in range(20)))
    accept_blocks(registered, first.arrivals(), WIDE, NOW)
    few = _count_steps(registered, look)
    device = MadeDevice(epoch=type(MadeDevice().epoch)(b"another!"))
    device.seal(make_meter())
    for day in range(10):
        start_at = JULY_AT + day * DAY_MS
        counts = [5000 + 10 * (day * 24 + place // 10) for place in range(240)]
        device.seal(make_readings(make_meter(), counts, start_at + 60_000, 6 * 60_000))
    accept_blocks(registered, device.arrivals(), WIDE, NOW)
    many = _count_steps(registered, look)
    assert few > 0
    assert many < 2 * few


def test_a_system_s_meters_cost_nothing_of_the_fleet(registered: Database) -> None:
    """They are the same as in the list of all, by as many statements however many meters there are."""
    _fill(registered, 2)

    def count() -> int:
        statements = []
        with registered.read() as connection:
            event.listen(connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
            views = read_system_meters(connection, SYSTEM)
            assert views == tuple(one for one in read_meters(connection) if one.meter and one.meter.system == SYSTEM)
            seen = len(statements)
            read_system_meters(connection, SYSTEM)
            return len(statements) - seen

    alone = count()
    for number in range(20):
        other = f"SLF-AB1234-1{number:04d}"
        register_system(registered, other, "Roof", "5", NOW)
        register_meter(registered, MeterRequest(other, MadeDevice().text, f"X-{number}"), NOW)
    assert count() == alone
