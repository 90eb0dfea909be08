"""A ledger as large as the Commonwealth's, made from a seed: systems, meters, and what was reported of them.

One system in ten has two meters, one in twenty was not reported last month and one in a hundred is not this month; one
in fifty stood still: what closing a month has to deal with, in about the shares that it has.
"""

from __future__ import annotations

import random
from datetime import date
from typing import TYPE_CHECKING

from hub.rules.facts import MeterFacts, ReportingMode, SystemFacts
from hub.rules.periods import ProductionMonth, months_through
from hub.rules.reported import Origin
from hub.services.open_hub import open_hub
from hub.store import facts, ledger, meter_facts, schema
from hub.store.dialect import insert_rows
from hub.store.facts import BEGINNING, Recorded
from hub.store.ledger import NewEntry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

MONTH = ProductionMonth(2027, 5)
"""The month that is closed."""
HISTORY = tuple(months_through(ProductionMonth(2026, 5), MONTH))
CLOSED_AT = 1_812_535_200_000
"""2027-06-09T10:00Z, after the window for `MONTH` has closed."""
MADE_AT = 1_771_536_000_000
"""2026-02-19T21:20Z, before the first month of `HISTORY`."""
SYSTEMS_AT_ONCE = 5_000
_MAKER = Recorded("made", MADE_AT)
_HOUR_MS = 3_600_000
_SUN_PER_MONTH = (48, 62, 85, 97, 112, 116, 120, 110, 90, 70, 50, 40)
"""How a year's energy falls on its months, per mille of the year."""
_FIRST_UNIT = 100_000
"""Ids of units at the registry have as many digits each."""
_WH_PER_W_YEAR = 1_201
_MANUAL_W_MAX = 10_000
_TWO_METERS, _LATE, _MISSING, _STANDS = 10, 20, 100, 50
"""One system in so many has two meters, was not reported last month, is not reported this month, stood still in it."""


def system_name(number: int) -> str:
    """Return the PTS id of a system by its number, from 0 on."""
    return f"SLF-BM{number // 10_000:04d}-{number % 10_000:05d}"


def first_meter(number: int) -> int:
    """Return the id of the first meter of a system by its number; its serial number is `BM-` and that."""
    return number + -(-number // _TWO_METERS) + 1


def make_ledger(folder: Path, systems: int, seed: int = 1) -> None:
    """Make a hub's database in `folder` with so many systems and thirteen months of what was reported."""
    chance = random.Random(seed)  # noqa: S311 - a seed makes the same ledger again
    database = open_hub(folder, new_timeline=b"12345678", at=MADE_AT)
    meter = 0
    for first in range(0, systems, SYSTEMS_AT_ONCE):
        with database.write() as connection:
            meter = _make_systems(connection, range(first, min(first + SYSTEMS_AT_ONCE, systems)), meter, chance)
    database.close()


def _make_systems(connection: Connection, numbers: range, meter: int, chance: random.Random) -> int:
    """Make these systems with meters numbered after `meter`; return the last meter's number."""
    systems: list[SystemFacts] = []
    meters: list[MeterFacts] = []
    entries: list[NewEntry] = []
    for number in numbers:
        capacity_w = chance.randrange(3_000, 12_000, 10)
        name = system_name(number)
        systems.append(
            SystemFacts(
                system=name,
                name=name,
                effective_on=BEGINNING,
                capacity_w_dc=capacity_w,
                annual_wh_estimated=capacity_w * chance.randrange(1_050, 1_300),
                in_service_on=date(2026, 4, 1),
                gis_asset=f"NON{_FIRST_UNIT + number}",
                reporting_mode=ReportingMode.MANUAL if capacity_w <= _MANUAL_W_MAX else ReportingMode.AUTOMATIC,
                latitude_microdegrees=42_300_000,
                longitude_microdegrees=-71_800_000,
            )
        )
        for _ in range(2 if number % _TWO_METERS == 0 else 1):
            meter += 1
            meters.append(
                MeterFacts(
                    meter=meter,
                    system=name,
                    serial=f"BM-{meter}",
                    make="Made",
                    model="1",
                    initial_wh=0,
                    initial_at=HISTORY[0].starts_at,
                )
            )
            entries += _readings(meter, capacity_w // (2 if number % _TWO_METERS == 0 else 1), number, chance)
    at = MADE_AT
    insert_rows(
        connection, schema.system, [(one.system, one.name, str(one.capacity_w_dc / 1000), at) for one in systems]
    )
    insert_rows(
        connection,
        schema.meter,
        [(one.meter, one.system, one.serial, one.make, one.model, at, None, None) for one in meters],
    )
    facts.add_system_versions(connection, systems, _MAKER)
    meter_facts.add_meter_versions(connection, meters, _MAKER)
    ledger.add_first_entries(connection, entries, at)
    return meter


def _readings(meter: int, capacity_w: int, number: int, chance: random.Random) -> Iterator[NewEntry]:
    shown_wh = 0
    for month in HISTORY:
        produced_wh = (
            capacity_w * _WH_PER_W_YEAR * _SUN_PER_MONTH[month.month - 1] // 1000 * chance.randrange(80, 115) // 100
        )
        shown_wh += 0 if month == MONTH and number % _STANDS == _STANDS - 1 else produced_wh
        was_missed = (month == HISTORY[-2] and number % _LATE == 1) or (month == MONTH and number % _MISSING == 1)
        if not was_missed:
            read_at = month.ends_at + chance.randrange(1, 100) * _HOUR_MS
            yield NewEntry(meter, month, read_at, shown_wh, Origin.MANUAL, "made")
