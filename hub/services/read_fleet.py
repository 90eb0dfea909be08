"""Read the state of the fleet as the operator needs it: who is there, what waits, what wants a decision."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from hub.services.find_oddities import find_in_devices, find_in_meters, find_unconverted
from hub.services.read_devices import hear_devices, view_devices
from hub.services.read_meters import view_meters
from hub.store import described, readings, registry, states

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from hub.services.find_oddities import FleetFinding
    from hub.services.read_devices import DeviceView
    from hub.services.read_meters import MeterView
    from hub.store.registry import Meter, System, UnknownDevice


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything the operator page shows."""

    systems: tuple[System, ...]
    devices: tuple[DeviceView, ...]
    unknown_devices: tuple[UnknownDevice, ...]
    meters: tuple[MeterView, ...]
    findings: tuple[FleetFinding, ...]


def read_fleet(connection: Connection, now: int) -> Fleet:
    """Return the fleet as it stands at `now` (UTC ms)."""
    systems = registry.list_systems(connection)
    meters = registry.list_meters(connection)
    found = described.list_described(connection)
    unconverted = readings.count_unconverted(connection)
    heard = hear_devices(connection)
    return Fleet(
        systems=systems,
        devices=view_devices(connection, heard, now),
        unknown_devices=registry.list_unknown_devices(connection),
        meters=view_meters(connection, meters, found),
        findings=(
            *find_in_devices(heard, states.count_oddities(connection)),
            *find_in_meters(connection, meters),
            *find_unconverted(found, unconverted),
        ),
    )


def read_systems(
    connection: Connection, *, only: Collection[str] | None = None, after: str = "", limit: int | None = None
) -> list[tuple[System, tuple[Meter, ...]]]:
    """Return the systems after a PTS id, all or `only` some, with their meters: two queries, however many there are."""
    chosen = None if only is None else sorted(one for one in only if one > after)[:limit]
    systems = registry.list_systems(connection, only=chosen, after=after, limit=limit)
    if not systems:
        return []
    found = registry.meters_between(connection, systems[0].pts_id, systems[-1].pts_id)
    meters = {system: tuple(group) for system, group in groupby(found, key=lambda meter: meter.system)}
    return [(system, meters.get(system.pts_id, ())) for system in systems]
