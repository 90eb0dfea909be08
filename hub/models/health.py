"""What `/readyz`, `/api/v1/hub` and `meter-hub doctor --json` answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant
from hub.services.checks import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.counting import JobRun
    from hub.services.read_hub import HubView


class CheckJson(BaseModel):
    """A check of `/readyz`: whether it is good, and one sentence."""

    name: str
    ok: bool
    text: str


class ReadyJson(BaseModel):
    """Whether the hub can do its work, and each check."""

    ready: bool
    checks: list[CheckJson]


class FindingJson(BaseModel):
    """A check of the doctor: `ok`, `warn` or `bad`, and one sentence that says what to do."""

    name: str
    standing: str
    text: str


class DoctorJson(BaseModel):
    """What the doctor found at `at` (RFC 3339). `healthy`: nothing is bad."""

    at: str
    healthy: bool
    checks: list[FindingJson]


class JobJson(BaseModel):
    """A job's last good round since the hub was started."""

    job: str
    ended_at: str
    seconds: float


class HubJson(BaseModel):
    """How the hub does.

    `versions` counts devices by the agent that they run, null before the first look; `alerts` by how they stand.
    """

    checks: list[CheckJson]
    jobs: list[JobJson]
    backup_verified_at: str | None
    restore_drilled_at: str | None
    database_bytes: int
    free_bytes: int | None
    mail_waiting_since: str | None
    channels: int
    channels_off: int
    alerts: dict[str, int]
    unregistered_devices: int
    versions: dict[str, int] | None
    schema_revision: str


def hub_json(view: HubView, jobs: Mapping[str, JobRun], versions: Mapping[str, int] | None) -> HubJson:
    """Return how the hub does."""
    return HubJson(
        checks=[CheckJson(name=one.name, ok=one.standing is not Standing.BAD, text=one.text) for one in view.checks],
        jobs=[
            JobJson(job=name, ended_at=format_instant(run.ended_at), seconds=run.seconds)
            for name, run in sorted(jobs.items())
        ],
        backup_verified_at=None if view.backup is None else format_instant(view.backup.verified_at),
        restore_drilled_at=None if view.drill is None else format_instant(view.drill.drilled_at),
        database_bytes=view.database_bytes,
        free_bytes=view.free_bytes,
        mail_waiting_since=None if view.mail_since is None else format_instant(view.mail_since),
        channels=view.channels,
        channels_off=view.channels_off,
        alerts={standing.value: number for standing, number in view.alerts.items()},
        unregistered_devices=view.unknown_devices,
        versions=None if versions is None else dict(versions),
        schema_revision=view.schema,
    )
