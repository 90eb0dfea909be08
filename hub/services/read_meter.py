"""Read one meter: what is known of it, how it was exchanged, its readings a page at a time, and what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.days import last_days, midnights_around
from hub.rules.periods import date_at
from hub.services.compute_days import count_register_hours
from hub.services.find_meter import find_meter
from hub.services.read_events import read_register_events
from hub.store import exchanges, meter_facts, ownership, series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import Connection

    from hub.rules.facts import MeterFacts
    from hub.rules.production import Reading
    from hub.services.read_events import EventView
    from hub.store.exchanges import Exchange
    from hub.store.registry import Meter
    from hub.store.series import ReadingKey


DAYS_COUNTED = 30


@dataclass(frozen=True, slots=True)
class ReadDay:
    """A day, and how many readings of a meter there are of each of its hours."""

    on: date
    hours: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MeterPage:
    """A meter as its page shows it; `next` is where the earlier readings go on, None where these were the first.

    `days` are those that end with the day of its last reading, none where there is none.
    """

    meter: Meter
    facts: MeterFacts
    exchanges: tuple[Exchange, ...]
    readings: tuple[Reading, ...]
    next: ReadingKey | None
    events: tuple[EventView, ...]
    days: tuple[ReadDay, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which meter of a system is meant, and from where on its readings; `make` where two share a serial number."""

    system: str
    serial: str
    make: str = ""
    before: ReadingKey | None = None


def read_meter(connection: Connection, wanted: Wanted, readings: int, events: int) -> MeterPage:
    """Return a meter with its latest readings and events, so many of each.

    Exchanges are those that count, and of which it is the old or the new one. Raises UnknownSubjectError and InputError
    as `find_meter` does.
    """
    meter = find_meter(connection, wanted.system, wanted.serial, wanted.make)
    known = meter_facts.find_meter_facts(connection, meter.id)
    assert known is not None, "a registered meter has facts"
    registers = ownership.registers_of(connection, meter)
    found = series.list_latest(connection, registers, wanted.before, readings)
    counting = [
        one
        for one in exchanges.list_exchanges(connection, meter.system, is_waiting=False)
        if one.decision is not None
        and one.decision.approved
        and meter.id in {one.asked.old_meter, one.decision.new_meter}
    ]
    return MeterPage(
        meter=meter,
        facts=known,
        exchanges=tuple(counting),
        readings=tuple(reading for _, reading in found),
        next=found[-1][0] if len(found) == readings else None,
        events=read_register_events(connection, registers, events),
        days=_count_days(connection, registers),
    )


def _count_days(connection: Connection, registers: Sequence[int]) -> tuple[ReadDay, ...]:
    last = series.last_reading(connection, registers)
    if last is None:
        return ()
    days = last_days(date_at(last.read_at), DAYS_COUNTED)
    counted = count_register_hours(connection, registers, midnights_around(days))
    return tuple(ReadDay(on, hours) for on, hours in zip(days, counted, strict=True))
