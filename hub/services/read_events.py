"""Read what happened to a system's meters, in words; the readings on both sides stand beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.services.compute_production import find_system
from hub.store import meter_events, ownership, registry
from protocol.records import MeterEventKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.store.meter_events import EventPlace, StatedEvent
    from protocol.identity import DeviceId

EVENTS_MAX = 1000

_TEXTS: dict[str, str] = {
    MeterEventKind.ROLLOVER: "The register passed its largest value and went on from zero.",
    MeterEventKind.ROLLBACK: "The register went back a little; readings count again when it has passed where it was.",
    MeterEventKind.RESET: "The register was reset, and the meter says that it was restarted; find out by whom.",
    MeterEventKind.EXCHANGE: "Meter {was} was exchanged for {now}.",
    MeterEventKind.SCALE_CHANGE: "What a count is worth changed from {was} to {now}; review the energy in between.",
    MeterEventKind.CONFIGURATION_CHANGE: "The configuration changed from {was} to {now}; review the energy in between.",
    MeterEventKind.FIRMWARE_CHANGE: "The firmware changed from {was} to {now}.",
    MeterEventKind.SUSPECT: "The register moved as its site cannot move it; such readings decide no month.",
    MeterEventKind.CONFIRMED: "The register stayed where its site cannot have moved it; judge the energy in between.",
    MeterEventKind.STALE: "The meter answers, but nothing in its answers moves; look whether it still measures.",
    MeterEventKind.MOVING: "The meter's answers move again.",
    MeterEventKind.INCONSISTENT: "The meter's own figures disagree.",
    MeterEventKind.PULSES_LOST: "Pulses are missing from the register; compare it with the meter's own display.",
    MeterEventKind.PORT_CHANGE: "The meter answers on another port: {now} instead of {was}.",
}


@dataclass(frozen=True, slots=True)
class EventView:
    """What a device stated, and one sentence that says what it is and what to do."""

    stated: StatedEvent
    text: str


def read_events(connection: Connection, pts_id: str, limit: int) -> tuple[EventView, ...]:
    """Return what happened to a system's meters, the newest first; raises UnknownSubjectError for no such system."""
    return read_register_events(connection, _registers(connection, pts_id), limit)


def page_events(connection: Connection, pts_id: str, before: EventPlace | None, limit: int) -> tuple[EventView, ...]:
    """Return what happened to a system's meters before a place, the newest first by the word of their devices.

    Raises UnknownSubjectError for no such system.
    """
    stated = meter_events.page_events(connection, _registers(connection, pts_id), before, limit)
    return tuple(EventView(one, _describe(one)) for one in stated)


def read_register_events(connection: Connection, registers: Sequence[int], limit: int) -> tuple[EventView, ...]:
    """Return what happened to the meters with these registers, the newest first."""
    stated = meter_events.list_events(connection, registers, limit=limit)
    return tuple(EventView(one, _describe(one)) for one in stated)


def read_device_events(connection: Connection, device: DeviceId, limit: int) -> tuple[EventView, ...]:
    """Return what a device stated of its meters, registered or not, the newest first."""
    stated = meter_events.list_of_device(connection, device, limit)
    return tuple(EventView(one, _describe(one)) for one in stated)


def _registers(connection: Connection, pts_id: str) -> list[int]:
    find_system(connection, pts_id)
    return [
        register
        for meter in registry.list_meters(connection, pts_id)
        for register in ownership.registers_of(connection, meter)
    ]


def _describe(stated: StatedEvent) -> str:
    said = f"The device states {stated.kind!r}, which this hub does not know; update it."
    if stated.kind in _TEXTS:
        said = _TEXTS[stated.kind].format(was=stated.was or "nothing", now=stated.now or "nothing")
    return f"{said} {stated.note}".strip()
