"""Automated reporting: what a device read reports the month, once, as soon as it may, and never late."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.rules.acceptance import Outcome
from hub.rules.facts import ReportingMode
from hub.rules.periods import parse_month
from hub.rules.reported import Origin
from hub.rules.windows import window_of
from hub.services.accept_blocks import accept_blocks
from hub.services.register_system import register_system
from hub.services.report_devices import list_waiting, list_waiting_of, report_devices
from hub.store import contests, facts, ledger, registry, submissions
from hub.store.facts import BEGINNING, Recorded
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings

if TYPE_CHECKING:
    from hub.services.report_devices import DeviceReport
    from hub.store.database import Database
    from hub.store.ledger import Entry

DAY_MS = 86_400_000
JULY = parse_month("2016-07")
WINDOW = window_of(JULY)


def seal(database: Database, counts: list[int], start_at: int) -> MadeDevice:
    """Have the device send a reading a day from `start_at` on."""
    device = MadeDevice()
    device.seal(make_meter())
    device.seal(make_readings(make_meter(), counts, start_at, DAY_MS))
    accept_blocks(database, device.arrivals(), TERMS, NOW)
    return device


def reported(database: Database) -> Entry | None:
    """Return what counts for July."""
    with database.read() as connection:
        (meter,) = registry.list_meters(connection, SYSTEM)
        return ledger.find_entry(connection, meter.id, JULY)


def waiting(database: Database, now: int) -> list[DeviceReport]:
    """Return what devices have yet to report."""
    with database.read() as connection:
        return list(list_waiting(connection, now))


def test_the_register_at_the_months_end_reports_the_month_once(registered: Database) -> None:
    """With the name of the reading in custody, whose signed block proves it."""
    seal(registered, [1000 + 20_000 * day for day in range(36)], JULY_AT)
    now = JULY.ends_at + 60_000
    (done,) = report_devices(registered, now)
    assert done.answer is not None
    assert done.answer.judgement.outcome is Outcome.ACCEPTED
    entry = reported(registered)
    assert entry is not None
    assert (entry.accepted.read_at, entry.accepted.register_wh) == (JULY.ends_at, 1000 + 31 * 20_000)
    assert entry.reading == "WN-1001/1-0:2.8.0@2016-08-01T04:00:00Z"
    assert report_devices(registered, now + 60_000) == ()
    with registered.read() as connection:
        assert len(submissions.list_submissions(connection)) == 1


def test_what_waits_comes_in_pages_of_systems(registered: Database) -> None:
    """Pages of systems that have nothing to report are empty and lead on; outside a window there is one empty page."""
    for name in ("A", "B"):
        register_system(registered, name, name, "5", NOW)
    seal(registered, [1000 + 20_000 * day for day in range(36)], JULY_AT)
    now = JULY.ends_at + 60_000
    with registered.read() as connection:
        assert list_waiting_of(connection, now, "", 1) == ((), "A")
        assert list_waiting_of(connection, now, "A", 1) == ((), "B")
        found, after = list_waiting_of(connection, now, "B", 1)
        assert ([one.system for one in found], after) == ([SYSTEM], SYSTEM)
        assert list_waiting_of(connection, now, SYSTEM, 1) == ((), None)
        assert list_waiting_of(connection, now, "", 9) == (found, None)
        assert list_waiting_of(connection, WINDOW.opens_at - 1, "", 9) == ((), None)


def test_before_the_end_it_waits_and_says_so(registered: Database) -> None:
    """Nothing is reported of a month that has not ended."""
    seal(registered, [1000 + 20_000 * day for day in range(28)], JULY_AT)
    (one,) = report_devices(registered, WINDOW.opens_at + DAY_MS)
    assert (one.reading, one.answer, one.why) == (None, None, "2016-07 has not ended.")


def test_when_the_end_is_missing_the_last_reading_of_the_window_reports_before_it_is_late(registered: Database) -> None:
    """The device went silent on the 29th: its last word counts, six hours before the window closes."""
    seal(registered, [1000 + 20_000 * day for day in range(29)], JULY_AT)
    assert "not in custody yet" in waiting(registered, JULY.ends_at + DAY_MS)[0].why
    report_devices(registered, WINDOW.closes_at - 3_600_000)
    entry = reported(registered)
    assert entry is not None
    assert entry.accepted.read_at == JULY_AT + 28 * DAY_MS


def test_outside_of_windows_nothing_is_reported(registered: Database) -> None:
    """Neither before nor after."""
    seal(registered, [1000 + 20_000 * day for day in range(36)], JULY_AT)
    assert report_devices(registered, WINDOW.opens_at - 1) == ()
    assert report_devices(registered, WINDOW.closes_at) == ()
    assert reported(registered) is None


def test_a_contested_device_reports_nothing(registered: Database) -> None:
    """Two that sign with one key are none that can be believed."""
    device = seal(registered, [1000 + 20_000 * day for day in range(36)], JULY_AT)
    with registered.write() as connection:
        contests.begin_contest(connection, device.id, "two of them", NOW)
    (one,) = report_devices(registered, WINDOW.closes_at - 1)
    assert one.answer is None
    assert "No reading of the window is in custody" in one.why


def test_a_system_that_is_reported_by_hand_is_left_to_its_reporter(registered: Database) -> None:
    """A device may read its meter all the same."""
    with registered.write() as connection:
        known = facts.find_system_facts(connection, SYSTEM, BEGINNING)
        assert known is not None
        manual = replace(known, reporting_mode=ReportingMode.MANUAL)
        facts.add_system_versions(connection, [manual], Recorded("test", NOW))
    seal(registered, [1000 + 20_000 * day for day in range(36)], JULY_AT)
    assert report_devices(registered, JULY.ends_at + 60_000) == ()


def test_what_was_refused_is_not_submitted_again_and_again(registered: Database) -> None:
    """A register that moves faster than the nameplate allows is told once, and shown as waiting."""
    seal(registered, [1000 + 20_000 * day for day in range(31)] + [90_000_000] * 5, JULY_AT)
    with registered.write() as connection:
        (meter,) = registry.list_meters(connection, SYSTEM)
        ledger.add_entry(connection, _june(meter.id), NOW)
    now = JULY.ends_at + 60_000
    for _ in range(3):
        (one,) = report_devices(registered, now)
    assert one.reading is not None
    assert reported(registered) is None
    with registered.read() as connection:
        (kept,) = submissions.list_submissions(connection)
    assert (kept.outcome, kept.actor) == ("refused", "device")


def _june(meter: int) -> ledger.NewEntry:
    june = JULY.previous()
    return ledger.NewEntry(meter, june, june.ends_at, 1000, Origin.AUTOMATIC, "test")


@pytest.mark.parametrize("stops_after", [0, 1])
def test_it_ends_when_the_hub_does(registered: Database, stops_after: int) -> None:
    """Before a page of systems, or between two meters, not inside one."""
    seal(registered, [1000 + 20_000 * day for day in range(36)], JULY_AT)
    asked = iter([False] * 2 * stops_after + [True] * 5)
    assert len(report_devices(registered, JULY.ends_at + 60_000, lambda: next(asked))) == stops_after
