"""What a person has registered: devices with their keys, systems, meters; and the hub's own identity."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, exists, func, insert, select, true, update

from hub.store import schema
from hub.store.dialect import insert_new, insert_or_replace
from protocol.identity import DeviceId, KeyId

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection, Row

UNKNOWN_MAX = 1000
"""Of how many unregistered devices the hub remembers that it heard them: the latest."""


@dataclass(frozen=True, slots=True)
class Device:
    """A registered device; `registered_at` is UTC ms."""

    id: DeviceId
    name: str
    registered_at: int


@dataclass(frozen=True, slots=True)
class System:
    """A generating system; `capacity_kw_dc` is the nameplate as exact decimal text."""

    pts_id: str
    name: str
    capacity_kw_dc: str
    registered_at: int


@dataclass(frozen=True, slots=True)
class Meter:
    """A revenue-grade instrument of a system, read by one device after another. Empty `make` or `model` match any.

    `devices` are in the order in which they were registered for it, none where people read it; its readings count
    until `read_until` (UTC ms), or on where that is None.
    """

    id: int
    system: str
    devices: tuple[DeviceId, ...]
    serial: str
    make: str
    model: str
    registered_at: int
    read_until: int | None = None

    @property
    def device(self) -> DeviceId | None:
        """The device registered for it last: the one to look at for its readings now; None where people read it."""
        return self.devices[-1] if self.devices else None


@dataclass(frozen=True, slots=True)
class UnknownDevice:
    """A device that was heard but is not registered; `messages` counts what came from it."""

    id: DeviceId
    first_seen_at: int
    last_seen_at: int
    messages: int


def find_timeline(connection: Connection) -> bytes | None:
    """Return the id of this life of the hub's database, or None before `start_timeline`."""
    return connection.execute(select(schema.hub.c.timeline)).scalar_one_or_none()


def start_timeline(connection: Connection, timeline: bytes, at: int) -> None:
    """Keep the id under which this database begins."""
    connection.execute(insert(schema.hub).values(id=1, timeline=timeline, created_at=at))


def timeline_began_at(connection: Connection) -> int:
    """Return when this life of the hub's database began (UTC ms)."""
    return int(connection.execute(select(schema.hub.c.created_at)).scalar_one())


def renew_timeline(connection: Connection, timeline: bytes, at: int) -> None:
    """Begin another life of a restored database; `hub.store.backups.add_restore` keeps what it was."""
    connection.execute(update(schema.hub).values(timeline=timeline, created_at=at))


def add_device(connection: Connection, device: Device, key_id: KeyId, spki: bytes) -> None:
    """Register a device with its first signing key; it is no longer unknown."""
    connection.execute(insert(schema.device).values(id=device.id, name=device.name, registered_at=device.registered_at))
    connection.execute(
        insert(schema.signing_key).values(device=device.id, id=key_id, spki=spki, registered_at=device.registered_at)
    )
    connection.execute(delete(schema.unknown_device).where(schema.unknown_device.c.id == device.id))


def find_device(connection: Connection, device: DeviceId) -> Device | None:
    """Return the registered device with this id."""
    row = connection.execute(select(schema.device).where(schema.device.c.id == device)).one_or_none()
    return None if row is None else _device(row)


def list_devices(connection: Connection) -> tuple[Device, ...]:
    """Return every registered device, by name."""
    rows = connection.execute(select(schema.device).order_by(schema.device.c.name, schema.device.c.id))
    return tuple(_device(row) for row in rows)


def count_devices(connection: Connection) -> int:
    """Return how many devices are registered."""
    return int(connection.execute(select(func.count()).select_from(schema.device)).scalar_one())


def list_unheard(connection: Connection, limit: int) -> tuple[Device, ...]:
    """Return registered devices of which no block ever came, those registered last first."""
    table = schema.device
    heard = exists().where(schema.stream.c.device == table.c.id)
    query = select(table).where(~heard).order_by(table.c.registered_at.desc(), table.c.id.desc()).limit(limit)
    return tuple(_device(row) for row in connection.execute(query))


_KEYS = select(schema.signing_key.c.device, schema.signing_key.c.id, schema.signing_key.c.spki).where(
    schema.signing_key.c.device.in_(bindparam("devices", expanding=True))
)


def keys_of(connection: Connection, device: DeviceId) -> dict[KeyId, bytes]:
    """Return the signing keys (DER SubjectPublicKeyInfo) of a device by key id; empty for an unregistered one."""
    return keys_of_all(connection, [device])[device]


def keys_of_all(connection: Connection, devices: Collection[DeviceId]) -> dict[DeviceId, dict[KeyId, bytes]]:
    """Return the signing keys of each of these devices as `keys_of` does."""
    keys = {device: dict[KeyId, bytes]() for device in devices}
    for device, key_id, spki in connection.execute(_KEYS, {"devices": list(keys)}):
        keys[device][key_id] = spki
    return keys


def add_key(  # noqa: PLR0913 - whose, which key, by whose word and when
    connection: Connection, device: DeviceId, *, key_id: KeyId, spki: bytes, statement: bytes, at: int
) -> bool:
    """Keep another signing key of a device with the sealed statement it was learned from; return whether it is new."""
    added = insert_new(connection, schema.signing_key).values(
        device=device, id=key_id, spki=spki, registered_at=at, statement=statement
    )
    return connection.execute(added).rowcount > 0


def note_unknown_device(connection: Connection, device: DeviceId, at: int, messages: int) -> bool:
    """Remember that an unregistered device was heard; return whether it is a new face.

    One that has been registered since its message was looked at is not remembered, nor are more than `UNKNOWN_MAX`:
    anybody can make up device ids.
    """
    if find_device(connection, device) is not None:
        return False
    table = schema.unknown_device
    seen = connection.execute(select(table).where(table.c.id == device)).one_or_none()
    connection.execute(
        insert_or_replace(connection, table, ["id"], ["last_seen_at", "messages"]),
        {
            "id": device,
            "first_seen_at": at,
            "last_seen_at": at,
            "messages": messages + (seen.messages if seen else 0),
        },
    )
    if seen is None:
        latest = select(table.c.id).order_by(table.c.last_seen_at.desc(), table.c.id)
        connection.execute(delete(table).where(table.c.id.in_(latest.offset(UNKNOWN_MAX))))
    return seen is None


def list_unknown_devices(connection: Connection, limit: int = 100) -> tuple[UnknownDevice, ...]:
    """Return the devices heard but not registered, the latest heard first."""
    table = schema.unknown_device
    rows = connection.execute(select(table).order_by(table.c.last_seen_at.desc(), table.c.id).limit(limit))
    return tuple(UnknownDevice(DeviceId(row.id), row.first_seen_at, row.last_seen_at, row.messages) for row in rows)


def add_system(connection: Connection, system: System) -> None:
    """Register a system."""
    connection.execute(
        insert(schema.system).values(
            pts_id=system.pts_id,
            name=system.name,
            capacity_kw_dc=system.capacity_kw_dc,
            registered_at=system.registered_at,
        )
    )


def find_system(connection: Connection, pts_id: str) -> System | None:
    """Return the system with this PTS id."""
    row = connection.execute(select(schema.system).where(schema.system.c.pts_id == pts_id)).one_or_none()
    return None if row is None else _system(row)


def list_systems(
    connection: Connection, *, only: Collection[str] | None = None, after: str = "", limit: int | None = None
) -> tuple[System, ...]:
    """Return the systems by PTS id, those after one; of `only` these, few enough for one statement, or of all."""
    table = schema.system
    query = select(table).where(table.c.pts_id > after).order_by(table.c.pts_id).limit(limit)
    if only is not None:
        query = query.where(table.c.pts_id.in_(list(only)))
    return tuple(map(_system, connection.execute(query)))


def add_meter(connection: Connection, meter: Meter) -> Meter:
    """Register a meter (its `id` is ignored) and return it with the id it got."""
    values = {
        "system": meter.system,
        "serial": meter.serial,
        "make": meter.make,
        "model": meter.model,
        "registered_at": meter.registered_at,
        "read_until": meter.read_until,
    }
    added = insert(schema.meter).values(values).returning(schema.meter.c.id)
    known = replace(meter, id=connection.execute(added).scalar_one())
    for device in meter.devices:
        _join(connection, known.id, device, meter.registered_at)
    return known


def save_meter(connection: Connection, meter: Meter, at: int) -> None:
    """Keep what is now known of a registered meter: its make and model, its devices and its end; `at` is UTC ms."""
    table = schema.meter
    connection.execute(
        update(table)
        .where(table.c.id == meter.id)
        .values(make=meter.make, model=meter.model, read_until=meter.read_until)
    )
    for device in meter.devices:
        _join(connection, meter.id, device, at)


def list_meters(connection: Connection, system: str | None = None) -> tuple[Meter, ...]:
    """Return the meters of one system, or of all, by system and serial."""
    return _meters(connection, true() if system is None else schema.meter.c.system == system)


def find_meters(connection: Connection, ids: Collection[int]) -> dict[int, Meter]:
    """Return these meters by their ids, few enough for one statement."""
    return {one.id: one for one in _meters(connection, schema.meter.c.id.in_(list(ids)))}


def meters_after(connection: Connection, after: int, limit: int) -> tuple[Meter, ...]:
    """Return the next `limit` meters by their ids, those beyond one: in the order in which they were registered."""
    table = schema.meter
    chosen = select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(limit)
    found = _meters(connection, table.c.id.in_(chosen))
    return tuple(sorted(found, key=lambda meter: meter.id))


def meters_between(connection: Connection, first: str, last: str) -> tuple[Meter, ...]:
    """Return the meters of the systems whose PTS ids are from `first` to `last`, by system and serial."""
    return _meters(connection, schema.meter.c.system.between(first, last))


def meters_read_by(connection: Connection, device: DeviceId) -> tuple[Meter, ...]:
    """Return the meters that a device was registered to read, by system and serial."""
    joined = schema.meter_device
    return _meters(connection, schema.meter.c.id.in_(select(joined.c.meter_id).where(joined.c.device == device)))


def meters_with_serial(connection: Connection, serial: str) -> tuple[Meter, ...]:
    """Return the registered meters that carry this serial number, whatever their make."""
    return _meters(connection, schema.meter.c.serial == serial)


def _meters(connection: Connection, where: ColumnElement[bool]) -> tuple[Meter, ...]:
    meter, joined = schema.meter, schema.meter_device
    rows = connection.execute(
        select(meter, joined.c.device)
        .outerjoin(joined, joined.c.meter_id == meter.c.id)
        .where(where)
        .order_by(meter.c.system, meter.c.serial, meter.c.id, joined.c.registered_at, joined.c.device)
    )
    return tuple(_meter(list(group)) for _, group in itertools.groupby(rows, key=lambda row: row.id))


def _join(connection: Connection, meter: int, device: DeviceId, at: int) -> None:
    connection.execute(
        insert_new(connection, schema.meter_device).values(meter_id=meter, device=device, registered_at=at)
    )


def _device(row: Row[tuple[bytes, str, int]]) -> Device:
    return Device(DeviceId(row.id), row.name, row.registered_at)


def _system(row: Row[tuple[str, str, str, int]]) -> System:
    return System(row.pts_id, row.name, row.capacity_kw_dc, row.registered_at)


def _meter(rows: Sequence[Row[tuple[object, ...]]]) -> Meter:
    """Return a meter from its rows: one for each device, or a single one without any."""
    row = rows[0]
    return Meter(
        id=row.id,
        system=row.system,
        devices=tuple(DeviceId(one.device) for one in rows if one.device is not None),
        serial=row.serial,
        make=row.make,
        model=row.model,
        registered_at=row.registered_at,
        read_until=row.read_until,
    )
