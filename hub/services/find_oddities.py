"""Find what in the fleet wants a human eye: what devices sent that cannot be counted, and registers that went down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.rules.production import Finding, register_difference
from hub.rules.registers import WATT_HOUR
from hub.store import facts, ownership, series
from hub.store.states import Oddities
from protocol.identity import format_device_id
from protocol.messages import ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from hub.services.read_devices import HeardDevice
    from hub.store.described import DescribedMeter
    from hub.store.readings import Unconverted
    from hub.store.registry import Meter
    from protocol.identity import DeviceId

_BAD_SIGNATURE = (
    "{} stored but not counted because the signature or form is bad; an intact copy, if the device has one, takes its "
    "place."
)
_BLOCK_CONFLICT = "{} kept aside that contradict the log; compare both."
_DESCRIPTOR_MISSING = (
    "{} kept but not counted in full: the description of a meter in it has not come. Should it come, all is counted."
)
_READING_UNEXPLAINED = (
    "{} kept but not counted in full: a meter's description does not name what was read; update the device's software."
)
_CONTESTED = (
    "Two things speak for this device: {}. All is kept and counted, but its months stay open: find the copy, take it "
    "away, then run `meter-hub device resolve {}`."
)
_MISDATED = "{} kept but not counted: dated more than a day beyond receipt, or before 2000; set the device's clock."
_BLOCK_UNDERIVABLE = (
    "{} kept but not counted, because the hub failed to derive the readings; this is its own fault: report it with the "
    "hub's log."
)


@dataclass(frozen=True, slots=True)
class FleetFinding:
    """Something that wants a human eye: its subject, and one sentence that says what it is and what to do."""

    code: str
    subject: str
    text: str


def find_in_devices(heard: Sequence[HeardDevice], oddities: Mapping[DeviceId, Oddities]) -> list[FleetFinding]:
    """Return what devices sent that does not count, or that contradicts itself."""
    found = []
    for one in heard:
        name, device_id = one.device.name, format_device_id(one.device.id)
        subject = device_id if name in {"", device_id} else f"{name} ({device_id})"
        if one.stream is not None and one.stream.code == ReceiptCode.FORK:
            text = (
                "Two different blocks claim the same place in this device's log; find out whether its card was copied."
            )
            found.append(FleetFinding("stream_fork", subject, text))
        if one.contested:
            found.append(FleetFinding("device_contested", subject, _CONTESTED.format(one.contested, device_id)))
        odd = oddities.get(one.device.id, Oddities())
        found += [
            FleetFinding(code, subject, text.format(_count(number, "block")))
            for code, number, text in (
                ("bad_signature", odd.bad_blocks, _BAD_SIGNATURE),
                ("block_conflict", odd.aside_blocks, _BLOCK_CONFLICT),
                ("descriptor_missing", odd.waiting, _DESCRIPTOR_MISSING),
                ("reading_unexplained", odd.unexplained, _READING_UNEXPLAINED),
                ("block_underivable", odd.failed, _BLOCK_UNDERIVABLE),
            )
            if number
        ]
        if odd.conflicts:
            text = f"Readings that came twice, with different values: {odd.conflicts}. The first counts, both are kept."
            found.append(FleetFinding("value_conflict", subject, text))
    return found


def find_unconverted(found: Sequence[DescribedMeter], unconverted: Sequence[Unconverted]) -> list[FleetFinding]:
    """Say of every meter which of its readings of generated energy are no energy to us."""
    return [
        FleetFinding(
            "reading_unconverted",
            f"Meter {one.serial or 'without serial number'} of device {format_device_id(one.device)}",
            f"{_count(odd.readings, 'reading')} kept but not counted: {_why_unconverted(odd.unit)}",
        )
        for one in found
        for odd in unconverted
        if odd.register_id in one.registers
    ]


def _why_unconverted(unit: str) -> str:
    if unit == WATT_HOUR:
        return "the register's content is no number of Wh below 2^63; compare its description with the meter's manual."
    return f"its unit {unit!r} cannot be converted; the device must describe the register in Wh and a power of ten."


def find_in_meters(connection: Connection, meters: Sequence[Meter]) -> list[FleetFinding]:
    """Return which registers of these meters went down or jumped, and which readings are dated where they cannot be."""
    findings = []
    capacities = facts.list_greatest_capacities(connection)
    for meter in meters:
        if not meter.devices:
            continue
        power_w_max = capacities[meter.system]
        registers, subject = ownership.registers_of(connection, meter), f"Meter {meter.serial} of {meter.system}"
        for earlier, later in series.list_drops(connection, registers, meter.read_until):
            step = register_difference(earlier, later, power_w_max)
            if isinstance(step, Finding):
                findings.append(FleetFinding(str(step.kind), subject, step.text))
        misdated = series.count_misdated(connection, registers)
        if misdated:
            findings.append(FleetFinding("reading_misdated", subject, _MISDATED.format(_count(misdated, "reading"))))
    return findings


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number} {noun}s are"
