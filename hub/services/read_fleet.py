"""Read the state of the fleet as the operator needs it: who is there, what waits, what wants a decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING

from hub.rules.production import Finding, register_difference
from hub.rules.registers import WATT_HOUR
from hub.store import contests, described, facts, ownership, readings, registry, series, states
from hub.store.states import Oddities
from protocol.identity import format_device_id
from protocol.messages import ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

    from hub.rules.production import Reading
    from hub.store.described import DescribedMeter
    from hub.store.readings import Unconverted
    from hub.store.registry import Device, Meter, System, UnknownDevice
    from hub.store.states import DeviceState, StreamFacts
    from protocol.identity import DeviceId

SILENT_AFTER_MS = 24 * 3_600_000
"""A device that said it is online and was not heard for this long counts as silent: a broker may lose its last word."""


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


class Link(StrEnum):
    """How the hub stands with a device."""

    ONLINE = "online"
    OFFLINE = "offline"
    SILENT = "silent"
    NEVER_SEEN = "never seen"


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A registered device. `since` is when the link took this state, `backlog` how many sealed blocks the hub lacks.

    `contested` says why its identity is contested, and is empty where it is not.
    """

    device: Device
    link: Link
    since: int | None
    heard_at: int | None
    block_at: int | None
    backlog: int
    committed: int
    safe: int
    agent_version: str
    contested: str


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the hub heard of a registered device: its last state, and its streams, the one read last first."""

    device: Device
    state: DeviceState | None
    streams: tuple[StreamFacts, ...]
    contested: str

    @property
    def stream(self) -> StreamFacts | None:
        """The stream of the epoch that the device says it is in; before it ever said so, the one read last."""
        if self.state is None or self.state.epoch is None:
            return self.streams[0] if self.streams else None
        return next((stream for stream in self.streams if stream.epoch == self.state.epoch), None)

    @property
    def block_at(self) -> int | None:
        """When an intact new block last came."""
        return self.streams[0].block_at if self.streams else None

    @property
    def heard_at(self) -> int | None:
        """When anything signed by the device last came."""
        instants = (self.state.heard_at if self.state else None, self.block_at)
        return max((at for at in instants if at is not None), default=None)


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
    meters = registry.list_meters(connection)
    found = described.list_described(connection)
    unconverted = readings.count_unconverted(connection)
    heard = _hear(connection)
    return Fleet(
        systems=systems,
        devices=tuple(_device_view(one, now) for one in heard),
        unknown_devices=registry.list_unknown_devices(connection),
        meters=_meter_views(connection, meters, found),
        findings=(
            *_device_findings(heard, states.count_oddities(connection)),
            *_meter_findings(connection, meters),
            *_unconverted_findings(found, unconverted),
        ),
    )


def read_systems(
    connection: Connection, *, only: Collection[str] | None = None, after: str = "", limit: int | None = None
) -> list[tuple[System, tuple[Meter, ...]]]:
    """Return the systems after a PTS id, all or `only` some, with their meters: two queries, however many there are."""
    chosen = None if only is None else sorted(one for one in only if one > after)[:limit]
    systems = registry.list_systems(connection, only=chosen, after=after, limit=limit)
    if not systems:
        return []
    found = registry.meters_between(connection, systems[0].pts_id, systems[-1].pts_id)
    meters = {system: tuple(group) for system, group in groupby(found, key=lambda meter: meter.system)}
    return [(system, meters.get(system.pts_id, ())) for system in systems]


def read_devices(connection: Connection, now: int, devices: Sequence[Device] | None = None) -> tuple[DeviceView, ...]:
    """Return these devices, or every registered one, as they stand at `now` (UTC ms)."""
    return tuple(_device_view(one, now) for one in _hear(connection, devices))


def read_meters(connection: Connection) -> tuple[MeterView, ...]:
    """Return every registered meter, and after them those that are read but not registered."""
    return _meter_views(connection, registry.list_meters(connection), described.list_described(connection))


def read_system_meters(connection: Connection, pts_id: str) -> tuple[MeterView, ...]:
    """Return a system's registered meters: it costs its own rows and those of its devices, however large the fleet."""
    meters = registry.list_meters(connection, pts_id)
    found = described.list_described(connection, {device for meter in meters for device in meter.devices})
    return tuple(view for view in _meter_views(connection, meters, found) if view.meter is not None)


def _hear(connection: Connection, devices: Sequence[Device] | None = None) -> tuple[_Heard, ...]:
    ids = None if devices is None else [device.id for device in devices]
    known_states, known_streams = states.list_states(connection, ids), states.list_streams(connection, ids)
    contested = contests.find_contested(connection, ids)
    return tuple(
        _Heard(device, known_states.get(device.id), known_streams.get(device.id, ()), contested.get(device.id, ""))
        for device in (registry.list_devices(connection) if devices is None else devices)
    )


def _device_view(heard: _Heard, now: int) -> DeviceView:
    state, stream = heard.state, heard.stream
    committed = stream.committed if stream else -1
    return DeviceView(
        device=heard.device,
        link=_link(heard, now),
        since=state.changed_at if state else None,
        heard_at=heard.heard_at,
        block_at=heard.block_at,
        backlog=max(0, state.head - committed) if state is not None and state.epoch is not None else 0,
        committed=committed,
        safe=stream.safe if stream else -1,
        agent_version=state.agent_version if state else "",
        contested=heard.contested,
    )


def _link(heard: _Heard, now: int) -> Link:
    if heard.heard_at is None:
        return Link.NEVER_SEEN
    if heard.state is None or not heard.state.online:
        return Link.OFFLINE
    return Link.SILENT if now - heard.heard_at > SILENT_AFTER_MS else Link.ONLINE


def _device_findings(heard: Sequence[_Heard], oddities: Mapping[DeviceId, Oddities]) -> list[FleetFinding]:
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


def _unconverted_findings(found: Sequence[DescribedMeter], unconverted: Sequence[Unconverted]) -> list[FleetFinding]:
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


def _meter_findings(connection: Connection, meters: Sequence[Meter]) -> list[FleetFinding]:
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


def _meter_views(
    connection: Connection, meters: Sequence[Meter], found: Sequence[DescribedMeter]
) -> tuple[MeterView, ...]:
    views = []
    claimed: set[DescribedMeter] = set()
    for meter in meters:
        matching = [one for one in found if meter.id in one.meter_ids]
        claimed.update(matching)
        shown = matching[-1] if matching else None
        views.append(
            MeterView(
                meter=meter,
                device_id="" if meter.device is None else format_device_id(meter.device),
                serial=meter.serial,
                make=shown.make if shown else meter.make,
                model=shown.model if shown else meter.model,
                firmware=shown.firmware if shown else "",
                bus=shown.bus if shown else "",
                last=series.last_reading(connection, ownership.registers_of(connection, meter))
                if meter.devices
                else None,
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
            bus=one.bus,
            last=series.last_reading(connection, one.registers),
        )
        for one in found
        if one not in claimed
    ]
    return tuple(views)


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number} {noun}s are"
