"""Tags of devices, and which devices have one: found by index, in the order of the devices' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select

from hub.store.facts import NAMES_AT_ONCE
from hub.store.fleet_tables import device_tag
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from hub.store.registry import Device

_OF = (
    select(device_tag.c.device, device_tag.c.tag)
    .where(device_tag.c.device.in_(bindparam("devices", expanding=True)))
    .order_by(device_tag.c.device, device_tag.c.tag)
)
_TAKE_OFF = delete(device_tag).where(
    device_tag.c.device == bindparam("tagged"), device_tag.c.tag == bindparam("taken_off")
)


def tags_of(connection: Connection, devices: Sequence[DeviceId]) -> dict[DeviceId, tuple[str, ...]]:
    """Return the tags of these devices in their order; devices without any are left out."""
    found: dict[DeviceId, tuple[str, ...]] = {}
    for begin in range(0, len(devices), NAMES_AT_ONCE):
        for device, tag in connection.execute(_OF, {"devices": devices[begin : begin + NAMES_AT_ONCE]}):
            found[DeviceId(device)] = (*found.get(DeviceId(device), ()), tag)
    return found


def put_on(connection: Connection, tagged: Iterable[tuple[Device, str]]) -> None:
    """Put tags on devices that do not have them."""
    rows = [{"device": device.id, "tag": tag, "name": device.name} for device, tag in tagged]
    if rows:
        connection.execute(insert(device_tag), rows)


def take_off(connection: Connection, tagged: Iterable[tuple[Device, str]]) -> None:
    """Take tags off devices."""
    rows = [{"tagged": device.id, "taken_off": tag} for device, tag in tagged]
    if rows:
        connection.execute(_TAKE_OFF, rows)
