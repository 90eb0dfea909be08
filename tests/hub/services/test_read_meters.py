"""All meters a page at a time: those that are registered, and after them those that are only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.services.accept_blocks import accept_blocks
from hub.services.read_meters import FIRST, page_meters, read_meters
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import ownership
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings

if TYPE_CHECKING:
    from hub.store.database import Database


def walk(database: Database, limit: int) -> list[str]:
    """Return the serial numbers of all pages of this length."""
    found: list[str] = []
    place = FIRST
    with database.read() as connection:
        while True:
            views, following = page_meters(connection, place, limit)
            assert len(views) <= limit
            found += [view.serial for view in views]
            if following is None:
                return found
            assert following > place
            place = following


def test_pages_show_registered_meters_and_then_strangers_each_once(registered: Database) -> None:
    """Whatever the length of a page: also where one ends with the last registered meter, and where nothing follows."""
    assert walk(registered, 1) == walk(registered, 9) == ["WN-1001"]
    device = MadeDevice()
    meters = [make_meter(place, serial) for place, serial in enumerate(("WN-1001", "S-1", "S-2", "S-3"))]
    device.seal(*meters, *(make_readings(meter, [5, 7], JULY_AT) for meter in meters))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    register_system(registered, "A", "Annex", "5", NOW)
    register_meter(registered, MeterRequest("A", "", "PV-1"), NOW)
    for limit in (1, 2, 3, 4, 5, 6):
        assert walk(registered, limit) == ["WN-1001", "PV-1", "S-1", "S-2", "S-3"]
    with registered.read() as connection:
        every = read_meters(connection)
    assert [view.serial for view in every] == ["PV-1", "WN-1001", "S-1", "S-2", "S-3"]
    assert [view.last and view.last.register_wh for view in every] == [None, 7, 7, 7, 7]
    assert [view.meter and view.meter.system for view in every] == ["A", SYSTEM, None, None, None]


def test_strangers_are_looked_for_among_so_many_registers_at_a_time(registered: Database) -> None:
    """A page costs the same where nobody's meters are rare: it is short, and says where to go on."""
    device = MadeDevice()
    device.seal(make_meter(), make_meter(1, "S-1"), make_meter(2, "S-2"))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    with registered.read() as connection:
        pages, after = [], 0
        for _ in range(4):
            found, last = ownership.find_strangers(connection, after, 5, looked_at=1)
            pages.append(len(found))
            if last is None:
                break
            assert last > after
            after = last
    assert pages == [0, 1, 1, 0]
    assert last is None
