"""Registered devices a page at a time: by name or meter, how they are heard, the agent that they run, or a tag."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, or_, select, tuple_

from hub.store import schema
from hub.store.fleet_tables import device_axes, device_tag
from hub.store.registry import Device
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

    from hub.fleet.axes import Stand


class Heard(StrEnum):
    """How the hub hears a device; with the words of `hub.services.read_devices.Link`."""

    ONLINE = "online"
    OFFLINE = "offline"
    SILENT = "silent"
    NEVER_SEEN = "never seen"


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices are meant: `search` is in their name or the serial number of a meter they read.

    `version` is the agent that they run, `tag` one that they have, `stand` where they stood at the last look; an empty
    text, or None, narrows nothing down.
    """

    search: str = ""
    heard: Heard | None = None
    version: str = ""
    tag: str = ""
    stand: Stand | None = None

    def named(self) -> dict[str, str]:
        """Return what narrows them down, by the names that addresses and the audit log have for it."""
        heard = "" if self.heard is None else self.heard.value
        axis, stands = ("", "") if self.stand is None else (self.stand.axis.value, self.stand.word)
        named = {"search": self.search, "link": heard, "version": self.version, "tag": self.tag}
        return {name: value for name, value in {**named, "axis": axis, "stands": stands}.items() if value}


EVERY_DEVICE = DeviceFilter()
"""Narrows nothing down."""


def list_page(
    connection: Connection, wanted: DeviceFilter, *, after: tuple[str, bytes] | None, limit: int, silent_before: int = 0
) -> tuple[Device, ...]:
    """Return the next devices by name and id; `silent_before` (UTC ms) is since when one counts as silent."""
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
    if wanted.heard is not None:
        query = query.where(_is_heard(wanted.heard, silent_before))
    return tuple(Device(DeviceId(row.id), row.name, row.registered_at) for row in connection.execute(query))


def _readers(serial: str) -> Select[tuple[bytes]]:
    """Return the devices that read a registered meter of this serial number; looked up once, not for each device."""
    joined, meter = schema.meter_device, schema.meter
    return select(joined.c.device).join(meter, meter.c.id == joined.c.meter_id).where(meter.c.serial == serial)


def _is_heard(heard: Heard, silent_before: int) -> ColumnElement[bool]:
    state, stream, device = schema.device_state, schema.stream, schema.device
    speaks = exists().where(state.c.device == device.c.id)
    sends = exists().where(stream.c.device == device.c.id, stream.c.block_at.is_not(None))
    online = exists().where(state.c.device == device.c.id, state.c.online == 1)
    lately = or_(
        exists().where(state.c.device == device.c.id, state.c.heard_at >= silent_before),
        exists().where(stream.c.device == device.c.id, stream.c.block_at >= silent_before),
    )
    return {
        Heard.NEVER_SEEN: and_(~speaks, ~sends),
        Heard.OFFLINE: and_(or_(speaks, sends), ~online),
        Heard.SILENT: and_(online, ~lately),
        Heard.ONLINE: and_(online, lately),
    }[heard]
