"""Many systems, meters and historic readings at a time, as `hub.store.registry` has them one by one."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, update

from hub.rules.historic import HistoricReading
from hub.rules.periods import parse_month
from hub.store import schema
from hub.store.facts import NAMES_AT_ONCE
from hub.store.ledger_tables import accepted_reading

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts
    from hub.rules.periods import ProductionMonth
    from hub.store.registry import System

_KNOWN = select(schema.system.c.pts_id).where(schema.system.c.pts_id.in_(bindparam("systems", expanding=True)))
_HELD = (
    select(
        accepted_reading.c.meter_id,
        accepted_reading.c.month,
        accepted_reading.c.read_at,
        accepted_reading.c.register_wh,
    )
    .where(accepted_reading.c.meter_id.in_(bindparam("meters", expanding=True)))
    .order_by(accepted_reading.c.meter_id, accepted_reading.c.month, accepted_reading.c.version)
)


def find_known(connection: Connection, systems: Collection[str]) -> frozenset[str]:
    """Return which of these PTS ids, at most `NAMES_AT_ONCE`, are registered."""
    assert len(systems) <= NAMES_AT_ONCE, len(systems)
    return frozenset(connection.execute(_KNOWN, {"systems": list(systems)}).scalars())


def add_systems(connection: Connection, systems: Sequence[System]) -> None:
    """Register systems."""
    rows = [
        {
            "pts_id": one.pts_id,
            "name": one.name,
            "capacity_kw_dc": one.capacity_kw_dc,
            "registered_at": one.registered_at,
        }
        for one in systems
    ]
    if rows:
        connection.execute(insert(schema.system), rows)


def add_unread_meters(connection: Connection, meters: Sequence[MeterFacts], at: int) -> list[MeterFacts]:
    """Register meters that no device reads (their `meter` is ignored) and return them with the ids they got."""
    rows = [
        {
            "system": one.system,
            "serial": one.serial,
            "make": one.make,
            "model": one.model,
            "registered_at": at,
        }
        for one in meters
    ]
    if not rows:
        return []
    table = schema.meter
    added = connection.execute(insert(table).returning(table.c.id, table.c.serial, table.c.make), rows)
    ids = {(row.serial, row.make): row.id for row in added}
    return [replace(one, meter=ids[one.serial, one.make]) for one in meters]


def name_meters(connection: Connection, meters: Sequence[MeterFacts]) -> None:
    """Keep make and model of registered meters, where they had been left open."""
    table = schema.meter
    statement = (
        update(table)
        .where(table.c.id == bindparam("meter"))
        .values(make=bindparam("its_make"), model=bindparam("its_model"))
    )
    rows = [{"meter": one.meter, "its_make": one.make, "its_model": one.model} for one in meters]
    if rows:
        connection.execute(statement, rows)


def list_held(connection: Connection, meters: Collection[int]) -> dict[int, list[HistoricReading]]:
    """Return the readings that count for each of these meters, at most `NAMES_AT_ONCE`, by month."""
    assert len(meters) <= NAMES_AT_ONCE, len(meters)
    found: dict[int, dict[str, HistoricReading]] = {meter: {} for meter in meters}
    for row in connection.execute(_HELD, {"meters": list(meters)}):
        # Of several versions of a month the last one counts, and comes last.
        found[row.meter_id][row.month] = HistoricReading(_month(row.month), row.read_at, row.register_wh)
    return {meter: list(held.values()) for meter, held in found.items()}


@functools.lru_cache(maxsize=2_400)
def _month(text: str) -> ProductionMonth:
    return parse_month(text)
