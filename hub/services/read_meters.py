"""Read which meters there are: those that are registered, and those that devices read and nobody has registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store import described, ownership, registry, series
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.rules.production import Reading
    from hub.store.described import DescribedMeter
    from hub.store.registry import Meter


@dataclass(frozen=True, slots=True)
class MeterView:
    """A meter that is registered (`meter`), or that a device reads and nobody has registered (`meter` None).

    `device_id` is empty where people read it; `bus` says how it is read, empty where no device reads it yet.
    """

    meter: Meter | None
    device_id: str
    serial: str
    make: str
    model: str
    firmware: str
    bus: str
    last: Reading | None

    @property
    def is_counted(self) -> bool:
        """Whether its register is a count of pulses and not one that was read."""
        return self.bus == "pulse"


def read_meters(connection: Connection) -> tuple[MeterView, ...]:
    """Return every registered meter, and after them those that are read but not registered."""
    return view_meters(connection, registry.list_meters(connection), described.list_described(connection))


def read_system_meters(connection: Connection, pts_id: str) -> tuple[MeterView, ...]:
    """Return a system's registered meters: it costs its own rows and those of its devices, however large the fleet."""
    meters = registry.list_meters(connection, pts_id)
    found = described.list_described(connection, {device for meter in meters for device in meter.devices})
    return tuple(view for view in view_meters(connection, meters, found) if view.meter is not None)


def view_meters(
    connection: Connection, meters: Sequence[Meter], found: Sequence[DescribedMeter]
) -> tuple[MeterView, ...]:
    """Return these registered meters with what devices `found`, and after them what none of them is."""
    views = []
    claimed: set[DescribedMeter] = set()
    for meter in meters:
        matching = [one for one in found if meter.id in one.meter_ids]
        claimed.update(matching)
        shown = matching[-1] if matching else None
        views.append(
            MeterView(
                meter=meter,
                device_id="" if meter.device is None else format_device_id(meter.device),
                serial=meter.serial,
                make=shown.make if shown else meter.make,
                model=shown.model if shown else meter.model,
                firmware=shown.firmware if shown else "",
                bus=shown.bus if shown else "",
                last=series.last_reading(connection, ownership.registers_of(connection, meter))
                if meter.devices
                else None,
            )
        )
    views += [
        MeterView(
            meter=None,
            device_id=format_device_id(one.device),
            serial=one.serial,
            make=one.make,
            model=one.model,
            firmware=one.firmware,
            bus=one.bus,
            last=series.last_reading(connection, one.registers),
        )
        for one in found
        if one not in claimed
    ]
    return tuple(views)
