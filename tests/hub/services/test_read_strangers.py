"""Meters that nobody has registered: by the last look, and as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.services.accept_blocks import accept_blocks
from hub.services.read_strangers import StrangersLook, look_for_strangers, read_strangers
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import ownership
from tests.hub.conftest import SYSTEM
from tests.hub.making import NOW, TERMS, MadeDevice, make_meter, make_readings

if TYPE_CHECKING:
    from hub.store.database import Database
    from hub.store.ownership import Stranger

NUMBER = 5


def device_of(place: int) -> MadeDevice:
    """Return a device by its place."""
    return MadeDevice(place + 1)


def describe(database: Database, places: range) -> None:
    """Have these devices read a meter of their own each."""
    for place in places:
        device, meter = device_of(place), make_meter(serial=f"PV-{place}")
        device.seal(meter, make_readings(meter, [5, 6], NOW - 3_600_000))
        accept_blocks(database, device.arrivals(), TERMS, NOW + place)


@pytest.fixture
def read(database: Database) -> Database:
    """Return a hub with five devices, of which three have said what they read."""
    for place in range(NUMBER):
        register_device(database, device_of(place).pem, "", NOW)
    register_system(database, SYSTEM, "Barn", "7.5", NOW)
    describe(database, range(3))
    return database


def strangers(database: Database, look: StrangersLook | None, limit: int = 10) -> list[str]:
    """Return their serial numbers, those seen last first; the same as all registers say."""
    with database.read() as connection:
        found: tuple[Stranger, ...] = read_strangers(connection, look, limit)
        assert found == ownership.list_strangers(connection, limit)
    return [one.serial for one in found]


def test_what_was_looked_at_is_asked_again_and_what_came_since(read: Database) -> None:
    """Registered since, it is none any more; described since, it is one; without a look all are gone over."""
    with read.read() as connection:
        look = look_for_strangers(connection)
    assert strangers(read, look) == strangers(read, None) == ["PV-2", "PV-1", "PV-0"]
    register_meter(read, MeterRequest(SYSTEM, device_of(1).text, "PV-1"), NOW)
    describe(read, range(3, NUMBER))
    assert strangers(read, look) == ["PV-4", "PV-3", "PV-2", "PV-0"]
    assert strangers(read, look, 3) == ["PV-4", "PV-3", "PV-2"]


def test_a_look_at_nothing_leaves_what_came_since(read: Database) -> None:
    """Before any device described a meter."""
    assert strangers(read, StrangersLook()) == ["PV-2", "PV-1", "PV-0"]
