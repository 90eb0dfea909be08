"""Meters that nobody has read since an instant, each once and by the device that has to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.services.accept_blocks import accept_blocks
from hub.services.end_meter import EndRequest, end_meter
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.store.unread import Unread, list_unread
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings

if TYPE_CHECKING:
    from hub.store.database import Database
    from protocol.identity import DeviceId

DAY_MS = 86_400_000


def unread(database: Database, since: int, now: int = NOW) -> dict[DeviceId, tuple[Unread, ...]]:
    """Return who has not been read since an instant."""
    with database.read() as connection:
        return list_unread(connection, since, now)


def test_one_that_was_never_read_is_unread_once_it_was_registered_long_ago(registered: Database) -> None:
    """A device just put up is given its day."""
    device = MadeDevice()
    assert unread(registered, 0) == {}
    assert unread(registered, NOW + 1) == {device.id: (Unread("WN-1001", None),)}


def test_the_newest_reading_decides(registered: Database) -> None:
    """That of a date to come does not count, and one that ended is nobody's any more."""
    device, meter = MadeDevice(), make_meter()
    device.seal(meter, make_readings(meter, [100, 200], JULY_AT), make_readings(meter, [300], NOW + DAY_MS))
    accept_blocks(registered, device.arrivals(), TERMS, NOW)
    read_at = JULY_AT + 900_000
    after = NOW + 2 * DAY_MS
    assert unread(registered, NOW + 1) == {device.id: (Unread("WN-1001", read_at),)}
    assert unread(registered, NOW + DAY_MS, after) == {}
    assert unread(registered, NOW + DAY_MS + 1, after) == {device.id: (Unread("WN-1001", NOW + DAY_MS),)}
    end_meter(registered, EndRequest(SYSTEM, "WN-1001", "2016-07-02T00:00:00Z"), NOW)
    assert unread(registered, NOW + 1) == {}


def test_a_meter_that_went_to_another_device_is_that_one_s(registered: Database) -> None:
    """What the device before has not read since, the new one reads; and it is named where it does not."""
    before, new, meter = MadeDevice(), MadeDevice(2), make_meter()
    before.seal(meter, make_readings(meter, [100], JULY_AT))
    accept_blocks(registered, before.arrivals(), TERMS, NOW)
    register_device(registered, new.pem, "Barn anew", NOW + 1)
    register_meter(registered, MeterRequest(SYSTEM, new.text, "WN-1001"), NOW + 1)
    since = NOW + 2
    assert unread(registered, since, NOW + DAY_MS) == {new.id: (Unread("WN-1001", JULY_AT),)}
    new.seal(meter, make_readings(meter, [200], since))
    accept_blocks(registered, new.arrivals(), TERMS, NOW + DAY_MS)
    assert unread(registered, since, NOW + DAY_MS) == {}
