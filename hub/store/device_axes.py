"""Where each device stands on its axes, as it was last looked at, and what of its meters decides that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from hub.fleet.standing import Standing
from hub.rules.registers import GENERATED_OBIS
from hub.store import schema
from hub.store.dialect import insert_or_replace
from hub.store.fleet_tables import device_axes, window_line
from hub.store.good_readings import is_good

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import Connection

    from protocol.identity import DeviceId


@dataclass(frozen=True, slots=True)
class DeviceAxes:
    """A device with its words, in the order of axes."""

    device: DeviceId
    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeterSight:
    """A registered meter that a device reads: whether it was read lately, and how its system stands, if that is known.

    `is_read` is None for one that has ended.
    """

    device: DeviceId
    is_read: bool | None
    standing: Standing | None


def load_axes(connection: Connection) -> dict[DeviceId, DeviceAxes]:
    """Return where every device stood at the last look."""
    return {row[0]: DeviceAxes(row[0], row[1], tuple(row[2:])) for row in connection.execute(select(device_axes))}


def find_link(connection: Connection, device: DeviceId) -> str | None:
    """Return how a device was heard at the last look; None where it was not looked at."""
    return connection.execute(select(device_axes.c.link).where(device_axes.c.device == device)).scalar()


def save_axes(connection: Connection, changed: Collection[DeviceAxes]) -> None:
    """Keep where these devices stand in place of where they stood."""
    if not changed:
        return
    names = [column.name for column in device_axes.c]
    connection.execute(
        insert_or_replace(connection, device_axes, ["device"], names[1:]),
        [dict(zip(names, (one.device, one.name, *one.words), strict=True)) for one in changed],
    )


def forget_axes(connection: Connection, devices: Collection[DeviceId]) -> None:
    """Leave out devices that are no longer looked at."""
    connection.execute(delete(device_axes).where(device_axes.c.device.in_(list(devices))))


def list_sights(connection: Connection, since: int) -> Iterator[MeterSight]:
    """Yield every registered meter that a device reads; `since` (UTC ms) is from when on a reading is a late one."""
    meter, joined, line, register, reading = (
        schema.meter,
        schema.meter_device,
        window_line,
        schema.register,
        schema.reading,
    )
    # As in `hub.store.ownership`, but from the meter's side: it ends at the first reading that is found.
    was_read = (
        select(reading.c.read_at)
        .join(register, register.c.id == reading.c.register_id)
        .where(
            register.c.device == joined.c.device,
            register.c.serial == meter.c.serial,
            register.c.obis == GENERATED_OBIS,
            meter.c.make.in_(("", register.c.make)),
            meter.c.model.in_(("", register.c.model)),
            reading.c.read_at >= since,
            is_good(),
        )
        .correlate(joined, meter)
        .exists()
    )
    query = (
        select(joined.c.device, meter.c.read_until, line.c.standing, was_read.label("was_read"))
        .join(meter, meter.c.id == joined.c.meter_id)
        .outerjoin(line, line.c.system == meter.c.system)
    )
    standings = {one.value: one for one in Standing}
    for device, read_until, standing, is_read in connection.execute(query):
        yield MeterSight(device, bool(is_read) if read_until is None else None, standings.get(standing))
