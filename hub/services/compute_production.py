"""Compute what a system generated in its production months, from the readings the hub holds."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from hub.errors import UnknownSubjectError
from hub.rules.details import greatest_capacity
from hub.rules.instants import format_instant
from hub.rules.periods import ProductionMonth, date_at, month_of, months_through
from hub.rules.production import (
    EDGE_HALF_WIDTH_MS,
    Break,
    Finding,
    FindingKind,
    has_ended,
    monthly_production,
    system_production,
)
from hub.services.check_text import is_pts_id
from hub.store import contests, facts, meter_events, ownership, registry, series
from protocol.identity import format_device_id
from protocol.records import MeterEventKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.rules.production import MeterProduction, SystemProduction
    from hub.store.registry import Meter, System
    from protocol.identity import DeviceId

MONTHS_MAX = 1200

_BREAKS: dict[str, str] = {
    MeterEventKind.CONFIRMED: (
        "From {at} on the register stands where its site cannot have moved it; find out what happened, before its "
        "energy is used."
    ),
    MeterEventKind.SCALE_CHANGE: (
        "At {at} what a count is worth was {event.now} instead of {event.was}; review the month."
    ),
    MeterEventKind.CONFIGURATION_CHANGE: (
        "At {at} the meter's configuration was {event.now} instead of {event.was}; review the month."
    ),
}
"""What of the things that happen to a meter leaves the energy in between to be judged, and what is said of a month."""


@dataclass(frozen=True, slots=True)
class MeterMonth:
    """One meter's part of a system's month."""

    meter: Meter
    production: MeterProduction


@dataclass(frozen=True, slots=True)
class SystemMonth:
    """A system's month and the meters it was added up from."""

    system: System
    production: SystemProduction
    meters: tuple[MeterMonth, ...]


def find_system(connection: Connection, pts_id: str) -> System:
    """Return the registered system; raises UnknownSubjectError for any other, naming the one that is spelt nearest."""
    system = registry.find_system(connection, pts_id)
    if system is not None:
        return system
    if not is_pts_id(pts_id):
        message = f"system {pts_id!r:.60} is not registered here, and cannot be: that is not how a PTS id is written"
        raise UnknownSubjectError(message)
    known = [one.pts_id for one in registry.list_systems(connection)]
    nearest = get_close_matches(pts_id, known, n=1)
    remedy = (
        f"did you mean {nearest[0]}?"
        if nearest
        else f"check its PTS id or run `meter-hub system add {shlex.quote(pts_id)} --capacity-kw-dc KW`"
    )
    message = f"system {pts_id!r} is not registered here: {remedy}"
    raise UnknownSubjectError(message)


def compute_month(connection: Connection, pts_id: str, month: ProductionMonth) -> SystemMonth:
    """Return a system's production of one month.

    Raises UnknownSubjectError for an unregistered system and for a month outside those that `compute_months` gives.
    """
    owned = _find_meters(connection, pts_id)
    range_ = _find_range(connection, owned.meters)
    if range_ is None:
        message = (
            f"system {pts_id} has no reading in {month}, nor in any other month: is its meter registered and read?"
        )
        raise UnknownSubjectError(message)
    first, last = range_
    if not first <= month <= last:
        message = f"system {pts_id} has no reading in {month}: its first month is {first}, its last {last}"
        raise UnknownSubjectError(message)
    return next(_compute(connection, owned, [month]))


def compute_months(
    connection: Connection, pts_id: str, *, until: ProductionMonth | None = None, limit: int = MONTHS_MAX
) -> tuple[SystemMonth, ...]:
    """Return the months from the system's first reading to its last, the latest first, at most `limit`.

    With `until`, of those up to that month. Each month costs some index look-ups, so `limit` bounds the whole.
    Raises UnknownSubjectError for an unregistered system.
    """
    owned = _find_meters(connection, pts_id)
    range_ = _find_range(connection, owned.meters)
    if range_ is None:
        return ()
    first, last = range_
    months = list(months_through(first, last if until is None else min(last, until)))[-limit:]
    if not months:
        return ()
    return tuple(reversed(list(_compute(connection, owned, months))))


def find_range(connection: Connection, pts_id: str) -> tuple[ProductionMonth, ProductionMonth] | None:
    """Return the months of a system's first and last reading that count; None where there is none.

    Raises UnknownSubjectError for an unregistered system.
    """
    return _find_range(connection, _find_meters(connection, pts_id).meters)


@dataclass(frozen=True, slots=True)
class _OwnedMeter:
    meter: Meter
    registers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _OwnedSystem:
    system: System
    meters: tuple[_OwnedMeter, ...]


def _find_meters(connection: Connection, pts_id: str) -> _OwnedSystem:
    system = find_system(connection, pts_id)
    meters = registry.list_meters(connection, pts_id)
    return _OwnedSystem(
        system, tuple(_OwnedMeter(meter, ownership.registers_of(connection, meter)) for meter in meters)
    )


def _find_range(
    connection: Connection, meters: Sequence[_OwnedMeter]
) -> tuple[ProductionMonth, ProductionMonth] | None:
    """Return the months of the first and the last reading that count."""
    found = [
        (first.read_at, last.read_at)
        for owned in meters
        if (first := series.first_reading(connection, owned.registers))
        and (last := series.last_reading(connection, owned.registers, owned.meter.read_until))
    ]
    if not found:
        return None
    first_at, last_at = min(at for at, _ in found), max(at for _, at in found)
    # A reading on the edge, or as late after it as stands for the edge, closes the month before and opens none.
    return month_of(first_at), max(month_of(last_at - EDGE_HALF_WIDTH_MS - 1), month_of(first_at))


def _compute(connection: Connection, owned: _OwnedSystem, months: Sequence[ProductionMonth]) -> Iterator[SystemMonth]:
    """Yield these months, which follow one another, from readings fetched once."""
    said = [one.facts for one in facts.list_system_versions(connection, owned.system.pts_id)]
    edges = [months[0].starts_at, *(month.ends_at for month in months)]
    readings = {
        one.meter.id: series.find_deciding(connection, one.registers, _clip(edges, one.meter.read_until))
        for one in owned.meters
    }
    breaks = {one.meter.id: find_breaks(connection, one.registers) for one in owned.meters}
    contested = contests.find_contested(connection)

    def produce(meter: Meter, month: ProductionMonth) -> MeterProduction:
        power_w_max = greatest_capacity(said, date_at(month.starts_at), date_at(month.ends_at - 1))
        return monthly_production(month, readings[meter.id], power_w_max, meter.read_until, breaks[meter.id])

    for month in months:
        parts = tuple(
            MeterMonth(one.meter, _doubt(produce(one.meter, month), contested))
            for one in owned.meters
            if not has_ended(month, one.meter.read_until)
        )
        yield SystemMonth(owned.system, system_production(month, [part.production for part in parts]), parts)


def find_breaks(connection: Connection, registers: Sequence[int]) -> tuple[Break, ...]:
    """Return where the devices that read these registers leave it to people to judge the energy."""
    return tuple(
        Break(
            from_at=event.before.read_at,
            to_at=event.after.read_at,
            text=_BREAKS[event.kind].format(event=event, at=format_instant(event.at)),
            forbids=event.kind == MeterEventKind.CONFIRMED,
        )
        for event in meter_events.list_events(connection, registers, kinds=tuple(_BREAKS), is_of_register=True)
        if event.before is not None and event.after is not None
    )


def _doubt(production: MeterProduction, contested: Mapping[DeviceId, str]) -> MeterProduction:
    """Return a meter's month, open where the reading at one of its edges is of a contested device, and saying so."""
    edges = [reading for reading in (production.opening, production.closing) if reading is not None]
    doubted = next((reading.device for reading in edges if reading.device in contested), None)
    if doubted is None:
        return production
    text = (
        f"Device {format_device_id(doubted)} is contested: {contested[doubted]}. The number stands, but the month is "
        "not complete until somebody has found out which one is real."
    )
    finding = Finding(FindingKind.DEVICE_CONTESTED, text, forbids=False)
    return replace(production, complete=False, findings=(*production.findings, finding))


def _clip(edges: Sequence[int], read_until: int | None) -> Sequence[int]:
    """Return the edges with the meter's end in place of those after it: there its last month closes."""
    return edges if read_until is None else sorted({min(edge, read_until) for edge in edges})
