"""The JSON of the API: energy in whole Wh, times as RFC 3339 in UTC, identities as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from hub.rules.instants import format_instant
from hub.rules.reading_names import ReadingName
from hub.rules.registers import GENERATED_OBIS
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.production import Reading
    from hub.services.compute_production import MeterMonth, SystemMonth
    from hub.services.read_devices import DeviceView
    from hub.services.read_events import EventView
    from hub.services.read_meters import MeterView
    from hub.store.meter_events import EventReading
    from hub.store.registry import Meter, System


class _Json(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReadingJson(_Json):
    """One reading of a meter's register, and the block (device, epoch, seq) that proves it.

    `name` is what `meter-hub evidence --reading` takes; `placing` says where `read_at` comes from
    (`hub.rules.placing.Placing`).
    """

    name: str
    read_at: str
    register_wh: int
    raw: int
    resolution_wh: int
    time_quality: int
    placing: str
    meter: str
    device: str
    epoch: str
    seq: int


class FindingJson(_Json):
    """What a check says of a month."""

    code: str
    text: str


class MeterMonthJson(_Json):
    """One meter's part of a month."""

    meter: str
    production_wh: int | None
    resolution_wh: int | None
    opening: ReadingJson | None = Field(serialization_alias="from")
    closing: ReadingJson | None = Field(serialization_alias="to")
    complete: bool
    basis: str
    findings: list[FindingJson]


class MonthJson(_Json):
    """A system's month. `from` and `to` are null for a system of several meters: see `meters`."""

    system: str
    month: str
    production_wh: int | None
    resolution_wh: int | None
    opening: ReadingJson | None = Field(serialization_alias="from")
    closing: ReadingJson | None = Field(serialization_alias="to")
    complete: bool
    meters: list[MeterMonthJson]


class MonthsJson(_Json):
    """Every month of a system, the earliest first."""

    system: str
    months: list[MonthJson]


class MeterJson(_Json):
    """A meter. `system` is null and `registration` the command to run where nobody has registered it.

    Readings after `read_until` do not count; it is null while the meter is in service. `bus` is how it is read: `rtu`,
    `ascii`, `tcp`, `rtu-tcp`, or `pulse` where the device counts its pulses; empty where nobody reads it yet.
    """

    serial: str
    make: str
    model: str
    firmware: str
    bus: str
    system: str | None
    device: str
    read_until: str | None
    last_reading: ReadingJson | None
    registration: str | None


class MetersJson(_Json):
    """Registered meters, then those that are read but not registered; `next` begins the next page."""

    meters: list[MeterJson]
    next: str | None = None


class DeviceJson(_Json):
    """A registered device; `backlog_blocks` is how many sealed blocks the hub still lacks.

    `cadence_seconds` is how often it seals one by its own word, null where it did not say. `contested` says why its
    identity is contested, and is empty where it is not.
    """

    device: str
    name: str
    link: str
    since: str | None
    heard_at: str | None
    last_block_at: str | None
    cadence_seconds: int | None
    backlog_blocks: int
    committed: int
    safe: int
    agent_version: str
    contested: str
    tags: list[str]


class UnknownDeviceJson(_Json):
    """A device that was heard and is not registered, with the command to run."""

    device: str
    first_seen_at: str
    last_seen_at: str
    messages: int
    registration: str


class DevicesJson(_Json):
    """Registered devices, and those that only made themselves heard; `next` begins the next page of the former."""

    devices: list[DeviceJson]
    unknown: list[UnknownDeviceJson]
    next: str | None = None


class SystemJson(_Json):
    """A generating system; `capacity_kw_dc` is exact decimal text."""

    system: str
    name: str
    capacity_kw_dc: str
    meters: list[str]


class SystemsJson(_Json):
    """Systems, by PTS id; `next` begins the next page, None after the last."""

    systems: list[SystemJson]
    next: str | None = None


class ReadingsJson(_Json):
    """One page of readings in order of time; give `next` as `after` for the page that follows."""

    system: str
    readings: list[ReadingJson]
    next: str | None


class EventReadingJson(_Json):
    """A reading beside an event; `register_wh` is null where the hub has not taken it, as of a refused meter."""

    read_at: str
    raw: int
    register_wh: int | None


class EventJson(_Json):
    """What a device stated of a meter: `kind` for machines, `text` for people, and the readings on both sides."""

    at: str
    meter: str
    device: str
    kind: str
    text: str
    before: EventReadingJson | None
    after: EventReadingJson | None


class EventsJson(_Json):
    """What happened to the meters of a system, the newest first; `next` begins the next page."""

    system: str
    events: list[EventJson]
    next: str | None = None


class ProblemJson(_Json):
    """RFC 9457 problem details: `detail` is one sentence that names the thing and what to do."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def reading_json(reading: Reading, meter: Meter) -> ReadingJson:
    """Return a reading of this meter."""
    return _reading(reading, meter.serial)


def month_json(computed: SystemMonth) -> MonthJson:
    """Return a system's month."""
    production = computed.production
    meters = [_meter_month(part) for part in computed.meters]
    single = meters[0] if len(meters) == 1 else None
    return MonthJson(
        system=computed.system.pts_id,
        month=str(production.month),
        production_wh=production.production_wh,
        resolution_wh=production.resolution_wh,
        opening=single.opening if single else None,
        closing=single.closing if single else None,
        complete=production.complete,
        meters=meters,
    )


def meter_json(view: MeterView, registration: str | None) -> MeterJson:
    """Return a meter as the fleet shows it."""
    return MeterJson(
        serial=view.serial,
        make=view.make,
        model=view.model,
        firmware=view.firmware,
        bus=view.bus,
        system=view.meter.system if view.meter else None,
        device=view.device_id,
        read_until=_instant(view.meter.read_until) if view.meter else None,
        last_reading=_reading(view.last, view.serial) if view.last else None,
        registration=registration,
    )


def device_json(view: DeviceView, tags: Sequence[str]) -> DeviceJson:
    """Return a device as the fleet shows it."""
    return DeviceJson(
        device=format_device_id(view.device.id),
        name=view.device.name,
        link=str(view.link),
        since=_instant(view.since),
        heard_at=_instant(view.heard_at),
        last_block_at=_instant(view.block_at),
        cadence_seconds=None if view.cadence_ms is None else view.cadence_ms // 1000,
        backlog_blocks=view.backlog,
        committed=view.committed,
        safe=view.safe,
        agent_version=view.agent_version,
        contested=view.contested,
        tags=list(tags),
    )


def event_json(view: EventView) -> EventJson:
    """Return what happened to a meter."""
    stated = view.stated
    return EventJson(
        at=format_instant(stated.at),
        meter=stated.serial,
        device=format_device_id(stated.device),
        kind=stated.kind,
        text=view.text,
        before=_event_reading(stated.before),
        after=_event_reading(stated.after),
    )


def system_json(system: System, meters: tuple[Meter, ...]) -> SystemJson:
    """Return a system with the serial numbers of its meters."""
    return SystemJson(
        system=system.pts_id,
        name=system.name,
        capacity_kw_dc=system.capacity_kw_dc,
        meters=[meter.serial for meter in meters],
    )


def _meter_month(part: MeterMonth) -> MeterMonthJson:
    production = part.production
    return MeterMonthJson(
        meter=part.meter.serial,
        production_wh=production.production_wh,
        resolution_wh=production.closing.resolution_wh if production.closing else None,
        opening=reading_json(production.opening, part.meter) if production.opening else None,
        closing=reading_json(production.closing, part.meter) if production.closing else None,
        complete=production.complete,
        basis=production.basis,
        findings=[FindingJson(code=str(finding.kind), text=finding.text) for finding in production.findings],
    )


def _event_reading(reading: EventReading | None) -> EventReadingJson | None:
    if reading is None:
        return None
    return EventReadingJson(read_at=format_instant(reading.read_at), raw=reading.raw, register_wh=reading.register_wh)


def _reading(reading: Reading, serial: str) -> ReadingJson:
    return ReadingJson(
        name=str(ReadingName(serial, GENERATED_OBIS, reading.read_at)),
        read_at=format_instant(reading.read_at),
        register_wh=reading.register_wh,
        raw=reading.raw,
        resolution_wh=reading.resolution_wh,
        time_quality=int(reading.time_quality),
        placing=reading.placing.value,
        meter=serial,
        device=format_device_id(reading.device),
        epoch=reading.epoch.hex(),
        seq=reading.seq,
    )


def _instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_instant(at_ms)
