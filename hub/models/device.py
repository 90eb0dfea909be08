"""All that is known of one device, in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.models.fleet import DeviceJson, device_json
from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from hub.services.read_device import DeviceDetails


class AxisJson(BaseModel):
    """Where a device stands on an axis (link, meter, data, report), and how urgent that is (ok, warn, bad)."""

    axis: str
    value: str
    urgency: str


class ReadMeterJson(BaseModel):
    """A registered meter that a device reads, and its last reading that counts."""

    system: str
    serial: str
    register_wh: int | None
    read_at: str | None


class MachineJson(BaseModel):
    """What a device says of the machine that it is: `words` for people, `numbers` by the names that it gives them."""

    said_at: str
    words: dict[str, str]
    numbers: dict[str, int]


class DeviceDetailsJson(DeviceJson):
    """A device with where it stands on each axis; `urgency` is that of the worst.

    `stage` is of its life. `clock_behind_ms` is by how much its clock was behind the hub's when it last spoke, null
    where it did not say. `conflicts` counts readings that came twice with different values. `machine` is null before
    the device said anything of it.
    """

    stage: str
    urgency: str
    axes: list[AxisJson]
    clock_behind_ms: int | None
    conflicts: int
    meters: list[ReadMeterJson]
    machine: MachineJson | None


def device_details_json(found: DeviceDetails) -> DeviceDetailsJson:
    """Return all that is known of a device."""
    return DeviceDetailsJson(
        **device_json(found.view).model_dump(),
        stage=found.stage.value,
        urgency=found.urgency.value,
        axes=[AxisJson(axis=one.axis.value, value=one.text, urgency=one.urgency.value) for one in found.axes],
        clock_behind_ms=found.clock_ms,
        conflicts=found.oddities.conflicts,
        meters=[
            ReadMeterJson(
                system=meter.system,
                serial=meter.serial,
                register_wh=None if last is None else last.register_wh,
                read_at=None if last is None else format_instant(last.read_at),
            )
            for meter, last in found.meters
        ],
        machine=None
        if found.machine is None
        else MachineJson(
            said_at=format_instant(found.machine.said_at),
            words=dict(found.machine_words),
            numbers=dict(found.machine.numbers),
        ),
    )
