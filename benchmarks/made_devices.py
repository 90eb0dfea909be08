"""The devices of a made hub: what each sent last, what people said of them, and what waits to become part of the fleet.

Each device reads the first meter of the system of its number, but for the last ones: these read meters that nobody has
registered, and their systems are read by people. Rows are what devices leave behind, without signed blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from benchmarks.made_months import first_meter
from hub.fleet.commissioning import Verdict
from hub.fleet.lifecycle import Word
from hub.rules.registers import GENERATED_OBIS
from hub.store import fleet_tables, schema
from hub.store.dialect import insert_rows
from hub.store.registry import UNKNOWN_MAX

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.database import Database

NOW = 1_814_371_200_000
"""What time it is at a made hub (UTC ms): 2027-06-30T16:00Z, in the window of the month after the closed one."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BEGAN_AT = NOW - 30 * DAY_MS
TAG, OFTEN = "south", "flat-roof"
"""Tags: of the first 5,000 devices, and of every fifth one."""
TAGGED = 5_000
_WAITING, _WORDS = 3_000, 500
_AT_ONCE = 5_000
_SILENT, _LATE = 50, 33
"""One device in so many was heard three days ago, three hours ago; the others an hour ago."""
_UNHEARD = 1 << 40
_CONSUMED_OBIS = "1-0:1.8.0"
_SEQ, _HEAD = 5, 9
_REGISTER_WH = 5_000_000


def part_of(devices: int, wanted: int) -> int:
    """Return how many rows of a kind are made: as many as are wanted, fewer for a small hub."""
    return min(wanted, devices // 4)


def device_id(number: int) -> bytes:
    """Return the id of a device by its number."""
    return number.to_bytes(10, "big")


def name_of(number: int) -> str:
    """Return what people call a device."""
    return f"Site {number:06d}"


def unregistered(devices: int) -> range:
    """Return the numbers of the devices that read a meter which nobody has registered."""
    return range(devices - part_of(devices, _WAITING), devices)


def make_devices(database: Database, devices: int) -> None:
    """Make so many devices, each with what it sent last, and what was said of some of them."""
    strangers = unregistered(devices)
    for first in range(0, devices, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, devices))
        with database.write() as connection:
            _add_states(connection, numbers)
            _add_readings(connection, numbers, strangers)
            _add_meters(connection, [one for one in numbers if one not in strangers], len(strangers), strangers.start)
    with database.write() as connection:
        _add_words(connection, devices)
        _add_newcomers(connection, len(strangers))


def _heard_at(number: int) -> int:
    if number % _SILENT == 0:
        return NOW - 3 * DAY_MS
    return NOW - (3 if number % _LATE == 0 else 1) * HOUR_MS


def _add_states(connection: Connection, numbers: range) -> None:
    insert_rows(connection, schema.device, [(device_id(one), name_of(one), BEGAN_AT) for one in numbers])
    insert_rows(
        connection,
        schema.stream,
        [
            (one + 1, device_id(one), bytes(8), _HEAD, _SEQ, bytes(32), 0, 0, BEGAN_AT, _heard_at(one), None, None)
            for one in numbers
        ],
    )
    common = (bytes(8), _HEAD, _HEAD, _SEQ, -1)
    version = ("0.1.0", "0.1.1")
    insert_rows(
        connection,
        schema.device_state,
        [
            (
                *(device_id(one), 1, bytes(4), _heard_at(one), BEGAN_AT, *common),
                *(_heard_at(one), 2, version[one % 3 == 0], HOUR_MS, None),
            )
            for one in numbers
        ],
    )
    insert_rows(
        connection,
        schema.block,
        [(one + 1, _SEQ, device_id(one), bytes(32), _heard_at(one), "ok", b"") for one in numbers],
    )


def _serial(number: int, strangers: range) -> str:
    return f"ST-{number}" if number in strangers else f"BM-{first_meter(number)}"


def _add_readings(connection: Connection, numbers: range, strangers: range) -> None:
    """Let each device describe its meter and have read its two registers once."""
    meters, links, registers, scales, readings = [], [], [], [], []
    for one in numbers:
        device, descriptor, serial, at = device_id(one), one.to_bytes(8, "big"), _serial(one, strangers), _heard_at(one)
        meters.append((device, descriptor, 0, "Made", "1", serial, "1.0", "rtu", 1, one + 1, 0))
        for rid, obis in enumerate((GENERATED_OBIS, _CONSUMED_OBIS)):
            row = 2 * one + rid + 1
            registers.append((row, device, serial, "Made", "1", obis, 0, at))
            scales.append((row, row, "Wh", 0, 32, "u", 1, "0", 1, 1))
            links.append((device, descriptor, rid, row, row))
            read = (_REGISTER_WH + one, _REGISTER_WH + one)
            readings.append((row, at, bytes(4), at - BEGAN_AT, *read, row, 2, 0, one + 1, _SEQ))
    for table, rows in (
        (schema.descriptor, meters),
        (schema.register, registers),
        (schema.register_scale, scales),
        (schema.descriptor_register, links),
        (schema.reading, readings),
    ):
        insert_rows(connection, table, rows)


def _add_meters(connection: Connection, numbers: list[int], waiting: int, end: int) -> None:
    """Register who reads which meter; the dials of all but the last ones were looked at, and match."""
    insert_rows(connection, schema.meter_device, [(first_meter(one), device_id(one), BEGAN_AT) for one in numbers])
    stand, looked_at = (BEGAN_AT, _REGISTER_WH), [one for one in numbers if one < end - waiting]
    insert_rows(
        connection,
        fleet_tables.commissioning,
        [
            (one + 1, first_meter(one), *stand, *stand, *stand, Verdict.MATCHES.value, BEGAN_AT, "made")
            for one in looked_at
        ],
    )
    if looked_at:
        among = schema.meter.c.id.between(first_meter(looked_at[0]), first_meter(looked_at[-1]))
        connection.execute(update(schema.meter).where(among).values(dial_matched_at=BEGAN_AT))


def _add_words(connection: Connection, devices: int) -> None:
    tagged = [(number, TAG) for number in range(min(TAGGED, devices // 2))]
    tagged += [(number, OFTEN) for number in range(0, devices, 5)]
    insert_rows(connection, fleet_tables.device_tag, [(device_id(one), tag, name_of(one)) for one, tag in tagged])
    until, step = NOW + 7 * DAY_MS, devices // part_of(devices, _WORDS)
    insert_rows(
        connection,
        fleet_tables.device_word,
        [
            (place, device_id(number), Word.MAINTAIN.value, until, "works on the roof", BEGAN_AT, "made")
            for place, number in enumerate(range(1, devices, step), 1)
        ],
    )


def _add_newcomers(connection: Connection, number: int) -> None:
    """Register devices of which no block ever came, and remember some that nobody registered."""
    insert_rows(
        connection,
        schema.device,
        [(device_id(_UNHEARD + one), f"Shed {one:06d}", NOW - one * HOUR_MS) for one in range(number)],
    )
    insert_rows(
        connection,
        schema.unknown_device,
        [(device_id(2 * _UNHEARD + one), BEGAN_AT, NOW - one * HOUR_MS, 3) for one in range(min(number, UNKNOWN_MAX))],
    )
