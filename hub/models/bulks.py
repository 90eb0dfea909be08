"""What is done to many devices at once, in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from hub.rules.instants import format_instant
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.fleet.bulks import Outcome
    from hub.services.start_bulk import StartedBulk
    from hub.store.bulk_actions import Bulk, BulkCommand


class LeftDeviceJson(BaseModel):
    """A device of which it cannot be done, and why."""

    device: str
    why: str


class StartedBulkJson(BaseModel):
    """To which devices something is done, and which are left; in a dry run `bulk` is null and nothing was changed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "bulk": 7,
                    "dry_run": False,
                    "changed": ["9f1c03d2a4b5e6f7"],
                    "left": [{"device": "0a1b2c3d4e5f6071", "why": "the hub lacks none of its blocks"}],
                }
            ]
        }
    )

    bulk: int | None
    dry_run: bool
    changed: list[str]
    left: list[LeftDeviceJson]


class BulkJson(BaseModel):
    """An act on many devices: of how many it was done and how many were left, by whom and why.

    `filter` is what narrowed the devices down. `cancelled_at` is when somebody withdrew what had not been sent.
    """

    bulk: int
    action: str
    until: str | None
    tags: list[str]
    filter: dict[str, str]
    devices: int
    left: int
    reason: str
    recorded_at: str
    actor: str
    cancelled_at: str | None
    cancelled_by: str | None
    cancel_reason: str | None


class BulkProgressJson(BulkJson):
    """An act with how many of its commands came to what; all of them 0 where it took none."""

    commands: dict[str, int]


class BulksJson(BaseModel):
    """The last acts on many devices, the latest first; `next` begins the next page."""

    bulks: list[BulkJson]
    next: int | None


class BulkCommandJson(BaseModel):
    """A command of an act, and what became of it: waiting, sent, done, refused, expired or withdrawn."""

    device: str
    name: str
    command: int
    arguments: str
    outcome: str


class BulkCommandsJson(BaseModel):
    """Commands of an act by device; `next` begins the next page."""

    commands: list[BulkCommandJson]
    next: str | None


def started_json(started: StartedBulk) -> StartedBulkJson:
    """Return to which devices something is done."""
    return StartedBulkJson(
        bulk=started.number,
        dry_run=started.number is None,
        changed=[format_device_id(one.id) for one in started.changed],
        left=[LeftDeviceJson(device=format_device_id(one.device.id), why=one.why) for one in started.left],
    )


def bulk_json(bulk: Bulk) -> BulkJson:
    """Return an act as JSON."""
    cancelled = bulk.cancelled
    return BulkJson(
        bulk=bulk.number,
        action=bulk.action.kind.value,
        until=None if bulk.action.until_at is None else format_instant(bulk.action.until_at),
        tags=list(bulk.action.tags),
        filter=dict(bulk.filter),
        devices=bulk.devices,
        left=bulk.left,
        reason=bulk.recorded.reason,
        recorded_at=format_instant(bulk.recorded.at),
        actor=bulk.recorded.actor,
        cancelled_at=None if cancelled is None else format_instant(cancelled.at),
        cancelled_by=None if cancelled is None else cancelled.actor,
        cancel_reason=None if cancelled is None else cancelled.reason,
    )


def progress_json(bulk: Bulk, outcomes: Mapping[Outcome, int]) -> BulkProgressJson:
    """Return an act and how far its commands have come."""
    return BulkProgressJson(
        **bulk_json(bulk).model_dump(), commands={outcome.value: number for outcome, number in outcomes.items()}
    )


def commands_json(commands: Iterable[BulkCommand]) -> list[BulkCommandJson]:
    """Return commands of an act as JSON."""
    return [
        BulkCommandJson(
            device=format_device_id(one.device),
            name=one.name,
            command=one.number,
            arguments=one.arguments,
            outcome=one.outcome.value,
        )
        for one in commands
    ]
