"""Registered devices a page at a time: by name or meter, the agent that they run, a tag, or where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exists, or_, select, tuple_

from hub.store import schema
from hub.store.fleet_tables import device_axes, device_tag
from hub.store.registry import Device
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

    from hub.fleet.axes import Stand


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices are meant: `search` is in their name or the serial number of a meter they read.

    `version` is the agent that they run, `tag` one that they have, `stand` where they stood at the last look; an empty
    text, or None, narrows nothing down.
    """

    search: str = ""
    version: str = ""
    tag: str = ""
    stand: Stand | None = None

    def named(self) -> dict[str, str]:
        """Return what narrows them down, by the names that addresses and the audit log have for it."""
        axis, stands = ("", "") if self.stand is None else (self.stand.axis.value, self.stand.word)
        named = {"search": self.search, "version": self.version, "tag": self.tag}
        return {name: value for name, value in {**named, "axis": axis, "stands": stands}.items() if value}


EVERY_DEVICE = DeviceFilter()
"""Narrows nothing down."""


def list_page(
    connection: Connection, wanted: DeviceFilter, *, after: tuple[str, bytes] | None, limit: int
) -> tuple[Device, ...]:
    """Return the next devices by name and id."""
    table, axes = schema.device, device_axes
    query, place = select(table), (table.c.name, table.c.id)
    if wanted.stand is not None:
        # In the order of the index that has those at a word, so that a few among many cost no more than they are.
        place = (axes.c.name, axes.c.device)
        query = query.join(axes, axes.c.device == table.c.id)
        query = query.where(axes.c[wanted.stand.axis.value] == wanted.stand.word)
    if wanted.tag:
        # In the order of the tag's own index: it costs the same with few devices that have it as with all.
        query = query.join(device_tag, device_tag.c.device == table.c.id).where(device_tag.c.tag == wanted.tag)
        place = (device_tag.c.name, device_tag.c.device)
    query = query.order_by(*place).limit(limit)
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    if wanted.search:
        name, device = place
        named = name.icontains(wanted.search, autoescape=True)
        query = query.where(or_(named, device.in_(_readers(wanted.search))))
    if wanted.version:
        state = schema.device_state
        query = query.where(exists().where(state.c.device == table.c.id, state.c.agent_version == wanted.version))
    return tuple(Device(DeviceId(row.id), row.name, row.registered_at) for row in connection.execute(query))


def _readers(serial: str) -> Select[tuple[bytes]]:
    """Return the devices that read a registered meter of this serial number; looked up once, not for each device."""
    joined, meter = schema.meter_device, schema.meter
    return select(joined.c.device).join(meter, meter.c.id == joined.c.meter_id).where(meter.c.serial == serial)
