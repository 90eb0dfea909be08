"""All that is known of one device, in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.fleet.links import UNWATCHED
from hub.models.fleet import DeviceJson, EventJson, device_json, event_json
from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.fleet.links import LinkSpan
    from hub.services.read_device import DeviceDetails
    from hub.services.read_device_course import DeviceCourse


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
        **device_json(found.view, found.tags).model_dump(),
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


class LinkSpanJson(BaseModel):
    """How a device was heard from an instant until another; `link` is null where nobody looked.

    Of short spans in a row `link` is the worst, and `changes` counts how often it changed within.
    """

    link: str | None
    since: str
    until: str
    changes: int


class LinkDaysJson(BaseModel):
    """How a device was heard over so many days; no spans where nobody looked."""

    days: int
    spans: list[LinkSpanJson]


class FailedPollsJson(BaseModel):
    """Polls of a day (in Massachusetts) that failed, by cause."""

    day: str
    polls: int
    causes: dict[str, int]


class DeviceCourseJson(BaseModel):
    """How a device did: its link over 7 and 30 days, failed polls of 7 days, and the last 20 events of its meters."""

    device: str
    links: list[LinkDaysJson]
    failed_polls: list[FailedPollsJson]
    events: list[EventJson]


def device_course_json(device: str, course: DeviceCourse) -> DeviceCourseJson:
    """Return how a device did."""
    return DeviceCourseJson(
        device=device,
        links=[LinkDaysJson(days=days, spans=_spans(spans)) for days, spans in course.links.items()],
        failed_polls=[
            FailedPollsJson(day=day.on.isoformat(), polls=day.polls, causes=dict(day.causes)) for day in course.failed
        ],
        events=[event_json(one) for one in course.events],
    )


def _spans(spans: Sequence[LinkSpan]) -> list[LinkSpanJson]:
    return [
        LinkSpanJson(
            link=None if one.link == UNWATCHED else one.link,
            since=format_instant(one.from_at),
            until=format_instant(one.until_at),
            changes=one.changes,
        )
        for one in spans
    ]
