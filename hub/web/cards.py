"""What the fleet page shows of a system and of a device, beyond what the fleet itself says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.services.read_reported import read_reported
from hub.web.headline import Headline, choose_headline, recent_months

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.services.read_devices import DeviceView
    from hub.services.read_fleet import Fleet
    from hub.services.read_meters import MeterView
    from hub.services.read_reported import ReportedMonth
    from hub.store.registry import System


@dataclass(frozen=True, slots=True)
class SystemCard:
    """A system on the operator page: what it generated of late, and its meters.

    `reported` is the last month that was reported of a system that no device has read.
    """

    system: System
    headline: Headline
    reported: ReportedMonth | None
    meters: tuple[MeterView, ...]


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device on the operator page; `read_at` is when it last read one of its meters."""

    view: DeviceView
    read_at: int | None


def system_cards(connection: Connection, fleet: Fleet) -> tuple[SystemCard, ...]:
    """Return a card for every system, in the fleet's order."""
    return tuple(_card(connection, system, fleet) for system in fleet.systems)


def device_rows(fleet: Fleet) -> tuple[DeviceRow, ...]:
    """Return a row for every registered device, in the fleet's order."""
    return tuple(_row(view, fleet) for view in fleet.devices)


def _card(connection: Connection, system: System, fleet: Fleet) -> SystemCard:
    meters = tuple(view for view in fleet.meters if view.meter and view.meter.system == system.pts_id)
    last_at = max((view.last.read_at for view in meters if view.last), default=None)
    if last_at is not None:
        months = recent_months(connection, system.pts_id, last_at)
        return SystemCard(system, choose_headline(months), None, meters)
    latest = next(iter(read_reported(connection, system.pts_id, 1)), None)
    return SystemCard(system, choose_headline(()), latest, meters)


def _row(view: DeviceView, fleet: Fleet) -> DeviceRow:
    taken = (meter.last.read_at for meter in fleet.meters if meter.last and meter.last.device == view.device.id)
    return DeviceRow(view, max(taken, default=None))
