"""One meter: its readings a page at a time, what is known of it, its exchanges and its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.errors import UnknownSubjectError
from hub.services.accept_blocks import accept_blocks
from hub.services.read_meter import DAYS_COUNTED, Wanted, read_meter
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.store import exchanges
from hub.store.exchanges import Decision, NewExchange
from protocol.messages import MeterEvent
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, QUARTER_MS, TERMS, MadeDevice, make_meter, make_readings

if TYPE_CHECKING:
    from hub.services.read_meter import MeterPage
    from hub.store.database import Database
    from hub.store.series import ReadingKey


def _read(database: Database, before: ReadingKey | None = None, limit: int = 4) -> MeterPage:
    with database.read() as connection:
        return read_meter(connection, Wanted(SYSTEM, "WN-1001", before=before), limit, 5)


def test_readings_come_latest_first_and_each_once(registered: Database) -> None:
    """Page after page, over two devices that read the meter at the same instants, nothing is twice or left out."""
    for seed in (1, 2):
        device = MadeDevice(seed)
        if seed > 1:
            register_device(registered, device.pem, "Shed", NOW)
            register_meter(registered, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
        device.seal(make_meter(), make_readings(make_meter(), [100, 200, 300, 400, 500], JULY_AT))
        accept_blocks(registered, device.arrivals(), TERMS, NOW)
    seen = []
    page = _read(registered)
    while page.readings:
        seen += [(one.read_at, one.register_id) for one in page.readings]
        if page.next is None:
            break
        page = _read(registered, page.next)
    assert len(seen) == len(set(seen)) == 10
    assert seen == sorted(seen, reverse=True)
    assert seen[0][0] == JULY_AT + 4 * QUARTER_MS
    assert len(page.days) == DAYS_COUNTED
    assert str(page.days[-1].on) == "2016-07-01"
    assert page.days[-1].hours == (8, 2, *(0,) * 22)
    assert sum(sum(day.hours) for day in page.days[:-1]) == 0


def test_events_of_the_meter_stand_on_its_page(registered: Database) -> None:
    """As they do on the page of its system."""
    device = MadeDevice()
    stated = MeterEvent(0, JULY_AT + QUARTER_MS, "stale", 0, (JULY_AT, 100), (JULY_AT + QUARTER_MS, 100), "", "")
    device.seal(make_meter(), make_readings(make_meter(), [100, 100], JULY_AT))
    device.seal(stated)
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    (event,) = _read(registered).events
    assert event.text.startswith("The meter answers, but nothing in its answers moves")


def test_only_exchanges_that_count_are_told(registered: Database) -> None:
    """One that was refused did not happen, nor one that nobody decided on."""
    with registered.write() as connection:
        old = read_meter(connection, Wanted(SYSTEM, "WN-1001"), 1, 1).meter.id
        for approved in (True, False, None):
            asked = NewExchange(SYSTEM, old, f"N-{approved}", "", "", JULY_AT, 900, 0, "00", "ina", NOW)
            made = exchanges.add_exchange(connection, asked)
            if approved is not None:
                exchanges.add_decision(connection, made.number, Decision("bea", NOW, approved, "", None))
    page = _read(registered)
    assert [one.asked.new_serial for one in page.exchanges] == ["N-True"]
    assert (page.facts.serial, page.readings, page.next, page.days) == ("WN-1001", (), None, ())


def test_a_meter_of_another_system_is_not_there(registered: Database) -> None:
    """The refusal names those that are."""
    with registered.read() as connection, pytest.raises(UnknownSubjectError, match="its meters are WN-1001"):
        read_meter(connection, Wanted(SYSTEM, "PV-9"), 1, 1)
