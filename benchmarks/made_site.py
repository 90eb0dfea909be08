"""The one site of a made hub whose device sealed all that it read: a year of quarters of an hour, and what went wrong.

Its pages draw charts, list readings and give out evidence, which those of a system with a single reading do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.made_devices import DAY_MS, HOUR_MS, NOW
from benchmarks.made_fleet import START_AT, MadeDevice, make_device, seal_hours
from hub.fleet.hearing import Link
from hub.services.accept_blocks import Arrival, Terms, accept_blocks
from hub.services.open_hub import TIMELINE_LENGTH
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import custody, fleet_tables, stated_tables
from hub.store.dialect import insert_rows
from protocol.custody.receiver import SafePolicy
from protocol.identity import format_device_id
from protocol.records import MeterEventKind

if TYPE_CHECKING:
    from hub.store.database import Database

SITE = "SLF-BM9999-99999"
"""Its system."""
BLOCKS_AT_ONCE = 256
TERMS = Terms(SafePolicy.COMMIT, window=16, window_backfill=64, pace_ms=0, timeline=bytes(TIMELINE_LENGTH))
YEAR_HOURS = (NOW - START_AT) // HOUR_MS
EVENTS = 400
_CAUSES = ("timeout", "crc")


def site_device() -> MadeDevice:
    """Return its device, which has sealed nothing but its genesis."""
    return make_device(0)


def make_site(database: Database, hours: int) -> None:
    """Register the site, take so many of the hours that its device sealed until now, and keep what it stated."""
    device = site_device()
    name, (meter,) = format_device_id(device.id), device.meters
    register_device(database, device.key.public.to_pem(), "Cooperative", START_AT)
    register_system(database, SITE, "Cooperative", "75", START_AT)
    register_meter(database, MeterRequest(SITE, name, meter.serial), START_AT)
    sealed = [*device.sealed, *seal_hours(device, hours)]
    for first in range(0, len(sealed), BLOCKS_AT_ONCE):
        arrivals = [Arrival(device.id, raw) for raw in sealed[first : first + BLOCKS_AT_ONCE]]
        assert not accept_blocks(database, arrivals, TERMS, NOW).rejected, "it is registered"
    _state(database, device)


def _state(database: Database, device: MadeDevice) -> None:
    """Keep how it was heard in the last month, the polls that failed, and what happened to its meter."""
    with database.write() as connection:
        held = custody.find_stream(connection, device.id, device.epoch)
        assert held is not None, "its blocks were taken"
        at = [NOW - (number + 1) * HOUR_MS for number in range(EVENTS)]
        links = (Link.LATE.value, Link.ONLINE.value)
        insert_rows(
            connection,
            fleet_tables.link_change,
            [(device.id, when, links[place % 2], links[1 - place % 2]) for place, when in enumerate(at)],
        )
        place = (held.id, 1)
        insert_rows(
            connection,
            stated_tables.poll_error,
            [(device.id, bytes(4), 0, when, when + HOUR_MS, cause, 2, *place) for when in at for cause in _CAUSES],
        )
        told = (MeterEventKind.FIRMWARE_CHANGE.value, -1, "", None, None, None, None, "1.0", "1.1")
        insert_rows(
            connection,
            stated_tables.meter_event,
            [(device.id, bytes(4), 0, when - DAY_MS, *told, *place) for when in at],
        )
