"""Looks at the dials of meters, and which meters still wait for one that matches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exists, insert, select, update

from hub.fleet.commissioning import Stand, Verdict
from hub.store.fleet_tables import commissioning
from hub.store.schema import IS_UNMATCHED, meter, meter_device

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True)
class Commissioning:
    """A look at the dial of a meter (its id), the readings in custody next to it, and what it came to."""

    meter: int
    dial: Stand
    before: Stand
    after: Stand
    verdict: Verdict
    recorded_at: int
    actor: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A meter that a device reads and whose dial nobody has found to match."""

    meter: int
    system: str
    serial: str
    registered_at: int


def add_commissioning(connection: Connection, done: Commissioning) -> None:
    """Keep a look at a dial; those before stay, and with one that matches the meter waits for none any more."""
    connection.execute(
        insert(commissioning).values(
            meter_id=done.meter,
            looked_at=done.dial.at,
            dial_wh=done.dial.register_wh,
            before_at=done.before.at,
            before_wh=done.before.register_wh,
            after_at=done.after.at,
            after_wh=done.after.register_wh,
            verdict=done.verdict.value,
            recorded_at=done.recorded_at,
            actor=done.actor,
        )
    )
    if done.verdict is Verdict.MATCHES:
        connection.execute(update(meter).where(meter.c.id == done.meter).values(dial_matched_at=done.dial.at))


def list_commissionings(connection: Connection, meter_id: int) -> tuple[Commissioning, ...]:
    """Return every look at a meter's dial, the last first."""
    table = commissioning
    rows = connection.execute(select(table).where(table.c.meter_id == meter_id).order_by(table.c.number.desc()))
    return tuple(map(_commissioning, rows))


def list_waiting(connection: Connection, after: int, limit: int) -> tuple[Waiting, ...]:
    """Return the next meters after an id that wait for a look at their dial that matches, by id."""
    is_read = exists().where(meter_device.c.meter_id == meter.c.id)
    query = (
        select(meter.c.id, meter.c.system, meter.c.serial, meter.c.registered_at)
        .where(meter.c.id > after, IS_UNMATCHED, is_read)
        .order_by(meter.c.id)
        .limit(limit)
    )
    return tuple(Waiting(*row) for row in connection.execute(query))


def _commissioning(row: Row[tuple[object, ...]]) -> Commissioning:
    return Commissioning(
        meter=row.meter_id,
        dial=Stand(row.looked_at, row.dial_wh),
        before=Stand(row.before_at, row.before_wh),
        after=Stand(row.after_at, row.after_wh),
        verdict=Verdict(row.verdict),
        recorded_at=row.recorded_at,
        actor=row.actor,
    )
