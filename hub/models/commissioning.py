"""Commissioning as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.fleet.commissioning import Stand
    from hub.services.commission_meter import Commissioned
    from hub.services.read_jobs import Job
    from hub.store.commissionings import Waiting
    from hub.store.ownership import Stranger
    from hub.store.registry import Device, UnknownDevice


class StandJson(BaseModel):
    """Where a register stood, in whole Wh."""

    at: str
    register_wh: int


class CommissionedJson(BaseModel):
    """A look at a dial, the readings in custody next to it, and the verdict: `matches` or `differs`."""

    verdict: str
    text: str
    dial: StandJson
    before: StandJson
    after: StandJson
    actor: str


def commissioned_json(done: Commissioned) -> CommissionedJson:
    """Return a look that had a verdict."""
    one = done.commissioning
    return CommissionedJson(
        verdict=one.verdict.value,
        text=done.text,
        dial=_stand(one.dial),
        before=_stand(one.before),
        after=_stand(one.after),
        actor=one.actor,
    )


def _stand(stand: Stand) -> StandJson:
    return StandJson(at=format_instant(stand.at), register_wh=stand.register_wh)


class SpeakingDeviceJson(BaseModel):
    """A device that speaks and is not registered; `messages` counts what came from it."""

    device: str
    last_seen_at: str
    messages: int


class StrangeMeterJson(BaseModel):
    """A meter that a device reads and that belongs to no system."""

    serial: str
    make: str
    model: str
    device: str
    seen_at: str


class UnheardDeviceJson(BaseModel):
    """A registered device of which no block ever came."""

    device: str
    name: str
    registered_at: str


class UnlookedMeterJson(BaseModel):
    """A meter that a device reads and whose dial nobody has found to match."""

    system: str
    serial: str
    registered_at: str


class OnboardingJson(BaseModel):
    """What waits to become part of the fleet, 100 of each at most: devices that speak, meters, devices never heard."""

    devices: list[SpeakingDeviceJson]
    meters: list[StrangeMeterJson]
    unheard: list[UnheardDeviceJson]


class DialsJson(BaseModel):
    """Meters whose dial nobody has found to match, by their numbers here; `next` is after which these go on."""

    dials: list[UnlookedMeterJson]
    next: int | None


class JobMeterJson(BaseModel):
    """A meter in place; `waits` says whether a device reads it and nobody has found its dial to match."""

    serial: str
    make: str
    model: str
    waits: bool
    verdict: str | None


class JobJson(BaseModel):
    """A system where one works, with its meters, and the numbers of the exchanges that nobody has decided on."""

    system: str
    name: str
    meters: list[JobMeterJson]
    exchanges: list[int]


class JobsJson(BaseModel):
    """Systems where one works, by PTS id; `next` begins the next page."""

    jobs: list[JobJson]
    next: str | None


def onboarding_json(
    unknown: Sequence[UnknownDevice],
    strangers: Sequence[Stranger],
    unheard: Sequence[Device],
) -> OnboardingJson:
    """Return what waits to become part of the fleet."""
    return OnboardingJson(
        devices=[
            SpeakingDeviceJson(
                device=format_device_id(one.id), last_seen_at=format_instant(one.last_seen_at), messages=one.messages
            )
            for one in unknown
        ],
        meters=[
            StrangeMeterJson(
                serial=one.serial,
                make=one.make,
                model=one.model,
                device=format_device_id(one.device),
                seen_at=format_instant(one.seen_at),
            )
            for one in strangers
        ],
        unheard=[
            UnheardDeviceJson(
                device=format_device_id(one.id), name=one.name, registered_at=format_instant(one.registered_at)
            )
            for one in unheard
        ],
    )


def dials_json(waiting: Sequence[Waiting], following: int | None) -> DialsJson:
    """Return meters that wait for a look at their dial."""
    return DialsJson(
        dials=[
            UnlookedMeterJson(system=one.system, serial=one.serial, registered_at=format_instant(one.registered_at))
            for one in waiting
        ],
        next=following,
    )


def jobs_json(jobs: Sequence[Job], following: str | None) -> JobsJson:
    """Return what there is to do at systems."""
    return JobsJson(
        jobs=[
            JobJson(
                system=job.system.pts_id,
                name=job.system.name,
                meters=[
                    JobMeterJson(
                        serial=one.meter.serial,
                        make=one.meter.make,
                        model=one.meter.model,
                        waits=one.is_open,
                        verdict=None if one.last is None else one.last.verdict.value,
                    )
                    for one in job.meters
                ],
                exchanges=[one.number for one in job.waiting],
            )
            for job in jobs
        ],
        next=following,
    )
