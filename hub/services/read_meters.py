"""Read which meters there are: those that are registered, and those that devices read and nobody has registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from hub.store import described, ownership, registry, series
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from hub.rules.production import Reading
    from hub.store.described import DescribedMeter
    from hub.store.registry import Meter

METERS_AT_ONCE = 500


class MeterPlace(NamedTuple):
    """A place in the list of all meters: beyond a registered one by its id, or beyond a register of the others."""

    is_stranger: bool
    number: int


FIRST = MeterPlace(is_stranger=False, number=0)


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
    """Return every registered meter, by system and serial, and after them those that are read but not registered."""
    views: list[MeterView] = []
    place: MeterPlace | None = FIRST
    while place is not None:
        found, place = page_meters(connection, place, METERS_AT_ONCE)
        views += found
    return tuple(sorted(views, key=_by_system))


def page_meters(
    connection: Connection, place: MeterPlace, limit: int
) -> tuple[tuple[MeterView, ...], MeterPlace | None]:
    """Return the meters beyond a place, at most `limit`: registered ones first, then those that are only read.

    Beside them the place beyond which the next ones come, None where there are none. There may be fewer than `limit`
    before the end, as many registers may have to be looked at for one that is nobody's.
    """
    meters = () if place.is_stranger else registry.meters_after(connection, place.number, limit)
    views = _view_registered(connection, meters)
    if len(meters) == limit:
        return views, MeterPlace(is_stranger=False, number=meters[-1].id)
    after = place.number if place.is_stranger else 0
    first, last = ownership.find_strangers(connection, after, limit - len(meters))
    found = {one.first_register: one for one in described.list_described(connection, {device for _, device in first})}
    strangers = [found[register] for register, _ in first if register in found]
    following = None if last is None else MeterPlace(is_stranger=True, number=last)
    return (*views, *view_meters(connection, (), strangers)), following


def read_system_meters(connection: Connection, pts_id: str) -> tuple[MeterView, ...]:
    """Return a system's registered meters: it costs its own rows and those of its devices, however large the fleet."""
    return _view_registered(connection, registry.list_meters(connection, pts_id))


def view_meters(
    connection: Connection, meters: Sequence[Meter], found: Sequence[DescribedMeter]
) -> tuple[MeterView, ...]:
    """Return these registered meters with what devices `found`, and after them what nobody has registered of that."""
    by_meter: dict[int, list[DescribedMeter]] = {}
    for one in found:
        for meter_id in one.meter_ids:
            by_meter.setdefault(meter_id, []).append(one)
    registered = (_view(connection, meter, by_meter.get(meter.id, ())) for meter in meters)
    return (*registered, *(_view_stranger(connection, one) for one in found if not one.meter_ids))


def _view_registered(connection: Connection, meters: Sequence[Meter]) -> tuple[MeterView, ...]:
    found = described.list_described(connection, {device for meter in meters for device in meter.devices})
    return view_meters(connection, meters, [one for one in found if one.meter_ids])


def _view(connection: Connection, meter: Meter, described_as: Sequence[DescribedMeter]) -> MeterView:
    shown = described_as[-1] if described_as else None
    registers = sorted({register for one in described_as for register in one.registers})
    return MeterView(
        meter=meter,
        device_id="" if meter.device is None else format_device_id(meter.device),
        serial=meter.serial,
        make=shown.make if shown else meter.make,
        model=shown.model if shown else meter.model,
        firmware=shown.firmware if shown else "",
        bus=shown.bus if shown else "",
        last=series.last_reading(connection, registers),
    )


def _view_stranger(connection: Connection, one: DescribedMeter) -> MeterView:
    return MeterView(
        meter=None,
        device_id=format_device_id(one.device),
        serial=one.serial,
        make=one.make,
        model=one.model,
        firmware=one.firmware,
        bus=one.bus,
        last=series.last_reading(connection, one.registers),
    )


def _by_system(view: MeterView) -> tuple[bool, str, str]:
    return (True, "", "") if view.meter is None else (False, view.meter.system, view.meter.serial)
