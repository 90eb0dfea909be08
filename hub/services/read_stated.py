"""Read what devices say of their meters and have not taken back: registers that are doubted, or do not move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store import meter_events
from protocol.records import MeterEventKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from protocol.identity import DeviceId

_SUSPECT, _CONFIRMED = MeterEventKind.SUSPECT.value, MeterEventKind.CONFIRMED.value
_STALE, _MOVING = MeterEventKind.STALE.value, MeterEventKind.MOVING.value


@dataclass(frozen=True, slots=True)
class Stated:
    """Meters of a device, by their numbers there, that it doubts and that it says stand still."""

    suspect: tuple[int, ...] = ()
    frozen: tuple[int, ...] = ()


def stated_of(connection: Connection, device: DeviceId) -> Stated:
    """Return what a device says of its meters now."""
    return read_stated(connection, device).get(device, Stated())


def read_stated(connection: Connection, device: DeviceId | None = None) -> dict[DeviceId, Stated]:
    """Return what devices say of their meters now, all of them or one; those that say nothing are left out."""
    moved = meter_events.last_stated(connection, (_SUSPECT, _CONFIRMED), device)
    stood = meter_events.last_stated(connection, (_STALE, _MOVING), device)
    return {
        one: Stated(_meters(moved.get(one, {}), _SUSPECT), _meters(stood.get(one, {}), _STALE))
        for one in moved.keys() | stood.keys()
    }


def _meters(stated: Mapping[int, str], kind: str) -> tuple[int, ...]:
    return tuple(sorted(meter for meter, last in stated.items() if last == kind))
