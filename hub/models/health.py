"""What `/readyz`, `/api/v1/hub` and `meter-hub doctor --json` answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import BaseModel

from hub.rules.instants import format_instant
from hub.services.checks import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class FailingJobJson(BaseModel):
    """A job whose rounds fail: since when, and why the last one did."""

    job: str
    since: str
    why: str


class CommitsJson(BaseModel):
    """The last batches that were committed, 1000 at most: how many, and what the middle and the longest one took."""

    number: int
    middle_seconds: float
    longest_seconds: float


class GrowthJson(BaseModel):
    """By how many bytes a day the database grew since an instant."""

    since: str
    bytes_per_day: int


class ExpiryJson(BaseModel):
    """Until when a certificate or the revocation list is good; null where it cannot be read."""

    use: str
    until: str | None


class HubJson(BaseModel):
    """How the hub does.

    `faults` has a sentence for each thing to mend. `ingest_lag_seconds` is how long the oldest message from the broker
    waits to be committed, null where none is heard. `commits` is null before the first one, `growth` until the hub has
    run for a day, and `days_left` while nobody can tell when the disk will be full. `versions` counts devices by the
    agent that they run, `alerts` by how they stand; both are null before the first look.
    """

    faults: list[str]
    checks: list[CheckJson]
    jobs: list[JobJson]
    failing_jobs: list[FailingJobJson]
    ingest_lag_seconds: float | None
    commits: CommitsJson | None
    backup_verified_at: str | None
    restore_drilled_at: str | None
    database_bytes: int
    growth: GrowthJson | None
    free_bytes: int | None
    days_left: int | None
    certificates: list[ExpiryJson]
    mail_waiting_since: str | None
    channels: int
    channels_off: int
    alerts: dict[str, int] | None
    unregistered_devices: int
    versions: dict[str, int] | None
    schema_revision: str


def hub_json(view: HubView, versions: Mapping[str, int] | None) -> HubJson:
    """Return how the hub does."""
    commits, growth = view.commits, view.growth
    return HubJson(
        faults=list(view.faults),
        checks=[CheckJson(name=one.name, ok=one.standing is not Standing.BAD, text=one.text) for one in view.checks],
        jobs=[
            JobJson(job=name, ended_at=format_instant(run.ended_at), seconds=run.seconds)
            for name, run in sorted(view.jobs.items())
        ],
        failing_jobs=[
            FailingJobJson(job=name, since=format_instant(one.since), why=one.why)
            for name, one in sorted(view.failing.items())
        ],
        ingest_lag_seconds=None if view.lag_ms is None else view.lag_ms / 1000,
        commits=None if commits is None else CommitsJson(**asdict(commits)),
        backup_verified_at=None if view.backup is None else format_instant(view.backup.verified_at),
        restore_drilled_at=None if view.drill is None else format_instant(view.drill.drilled_at),
        database_bytes=view.database_bytes,
        growth=None
        if growth is None
        else GrowthJson(since=format_instant(growth.since), bytes_per_day=growth.bytes_per_day),
        free_bytes=view.free_bytes,
        days_left=view.days_left,
        certificates=[
            ExpiryJson(use=one.use, until=None if one.until is None else format_instant(one.until)) for one in view.ends
        ],
        mail_waiting_since=None if view.mail_since is None else format_instant(view.mail_since),
        channels=view.channels,
        channels_off=view.channels_off,
        alerts=None if view.alerts is None else {one.value: number for one, number in view.alerts.items()},
        unregistered_devices=view.unknown_devices,
        versions=None if versions is None else dict(versions),
        schema_revision=view.schema,
    )
