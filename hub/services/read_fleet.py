"""Read the state of the fleet as the operator needs it: who is there, what waits, what wants a decision."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.production import Finding, register_difference
from hub.store import described, registry, series, states
from protocol.identity import format_device_id
from protocol.messages import ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from hub.rules.production import Reading
    from hub.store.described import DescribedMeter
    from hub.store.registry import Device, Meter, System, UnknownDevice
    from hub.store.states import DeviceState, Oddities, StreamFacts

SILENT_AFTER_MS = 24 * 3_600_000
"""A device that said it is online and was not heard for this long counts as silent: a broker may lose its last word."""


class Link(StrEnum):
    """How the hub stands with a device."""

    ONLINE = "online"
    OFFLINE = "offline"
    SILENT = "silent"
    NEVER_SEEN = "never seen"


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A registered device. `since` is when the link took this state, `backlog` how many sealed blocks the hub lacks."""

    device: Device
    link: Link
    since: int | None
    heard_at: int | None
    block_at: int | None
    backlog: int
    committed: int
    safe: int
    agent_version: str


@dataclass(frozen=True, slots=True)
class MeterView:
    """A meter that is registered (`meter`), or that a device reads and nobody has registered (`meter` None)."""

    meter: Meter | None
    device_id: str
    serial: str
    make: str
    model: str
    firmware: str
    last: Reading | None


@dataclass(frozen=True, slots=True)
class FleetFinding:
    """Something that wants a human eye: its subject, and one sentence that says what it is and what to do."""

    code: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything the operator page shows."""

    systems: tuple[System, ...]
    devices: tuple[DeviceView, ...]
    unknown_devices: tuple[UnknownDevice, ...]
    meters: tuple[MeterView, ...]
    findings: tuple[FleetFinding, ...]


def read_fleet(connection: Connection, now: int) -> Fleet:
    """Return the fleet as it stands at `now` (UTC ms)."""
    systems = registry.list_systems(connection)
    devices = registry.list_devices(connection)
    meters = registry.list_meters(connection)
    views: list[DeviceView] = []
    findings: list[FleetFinding] = []
    for device in devices:
        stream = states.newest_stream(connection, device.id)
        views.append(_device_view(device, states.find_state(connection, device.id), stream, now))
        findings += _device_findings(device, stream, states.count_oddities(connection, device.id))
    found = described.list_described(connection)
    findings += _meter_findings(connection, meters, {system.pts_id: system for system in systems})
    return Fleet(
        systems=systems,
        devices=tuple(views),
        unknown_devices=registry.list_unknown_devices(connection),
        meters=_meter_views(connection, meters, found),
        findings=tuple(findings),
    )


def read_devices(connection: Connection, now: int) -> tuple[DeviceView, ...]:
    """Return every registered device as it stands at `now` (UTC ms)."""
    return tuple(
        _device_view(device, states.find_state(connection, device.id), states.newest_stream(connection, device.id), now)
        for device in registry.list_devices(connection)
    )


def read_meters(connection: Connection) -> tuple[MeterView, ...]:
    """Return every registered meter, and after them those that are read but not registered."""
    return _meter_views(connection, registry.list_meters(connection), described.list_described(connection))


def _device_view(device: Device, state: DeviceState | None, stream: StreamFacts | None, now: int) -> DeviceView:
    committed = stream.committed if stream else -1
    backlog = 0
    if state is not None and state.epoch is not None:
        same = stream is not None and stream.epoch == state.epoch
        backlog = max(0, state.head - (committed if same else -1))
    return DeviceView(
        device=device,
        link=_link(state, stream, now),
        since=state.changed_at if state else None,
        heard_at=max((at for at in (state and state.heard_at, stream and stream.block_at) if at), default=None),
        block_at=stream.block_at if stream else None,
        backlog=backlog,
        committed=committed,
        safe=stream.safe if stream else -1,
        agent_version=state.agent_version if state else "",
    )


def _link(state: DeviceState | None, stream: StreamFacts | None, now: int) -> Link:
    if state is None:
        return Link.NEVER_SEEN if stream is None else Link.OFFLINE
    if not state.online:
        return Link.OFFLINE
    heard_at = max(state.heard_at, stream.block_at if stream else 0)
    return Link.SILENT if now - heard_at > SILENT_AFTER_MS else Link.ONLINE


def _device_findings(device: Device, stream: StreamFacts | None, oddities: Oddities) -> list[FleetFinding]:
    subject = f"{device.name} ({format_device_id(device.id)})" if device.name else format_device_id(device.id)
    found: list[tuple[str, str]] = []
    if stream is not None and stream.code == ReceiptCode.FORK:
        text = "Two different blocks claim the same place in this device's log; find out whether its card was copied."
        found.append(("stream_fork", text))
    if oddities.bad_blocks:
        text = (
            f"{_count(oddities.bad_blocks, 'block')} stored but not counted because the signature or form is bad; "
            "the device is asked for an intact copy."
        )
        found.append(("bad_signature", text))
    if oddities.aside_blocks:
        text = f"{_count(oddities.aside_blocks, 'block')} kept aside that contradict the log; compare both."
        found.append(("block_conflict", text))
    if oddities.conflicts:
        text = (
            f"Readings that came twice, with different values: {oddities.conflicts}. The first counts, both are kept."
        )
        found.append(("value_conflict", text))
    if oddities.underived:
        text = (
            f"{_count(oddities.underived, 'block')} waiting for the description of a meter; the device is asked for it."
        )
        found.append(("descriptor_missing", text))
    return [FleetFinding(code, subject, text) for code, text in found]


def _meter_findings(
    connection: Connection, meters: Sequence[Meter], systems: Mapping[str, System]
) -> list[FleetFinding]:
    findings = []
    for meter in meters:
        power_w_max = int(Decimal(systems[meter.system].capacity_kw_dc) * 1000)
        for earlier, later in series.list_drops(connection, series.registers_of(connection, meter)):
            step = register_difference(earlier, later, power_w_max)
            if isinstance(step, Finding):
                findings.append(FleetFinding(str(step.kind), f"Meter {meter.serial} of {meter.system}", step.text))
    return findings


def _meter_views(
    connection: Connection, meters: Sequence[Meter], found: Sequence[DescribedMeter]
) -> tuple[MeterView, ...]:
    views = []
    claimed: set[DescribedMeter] = set()
    for meter in meters:
        matching = [one for one in found if one.is_meter(meter)]
        claimed.update(matching)
        shown = matching[-1] if matching else None
        views.append(
            MeterView(
                meter=meter,
                device_id=format_device_id(meter.device),
                serial=meter.serial,
                make=shown.make if shown else meter.make,
                model=shown.model if shown else meter.model,
                firmware=shown.firmware if shown else "",
                last=series.last_reading(connection, series.registers_of(connection, meter)),
            )
        )
    views += [
        MeterView(
            meter=None,
            device_id=format_device_id(one.device),
            serial=one.serial,
            make=one.make,
            model=one.model,
            firmware=one.firmware,
            last=series.last_reading(connection, one.registers),
        )
        for one in found
        if one not in claimed
    ]
    return tuple(views)


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number} {noun}s are"
