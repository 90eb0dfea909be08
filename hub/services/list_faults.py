"""List what of a running hub somebody should mend, each in one sentence that says what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.formats import local_time
from hub.services.checks import Check, Standing, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hub.alerting.thresholds import Thresholds
    from hub.counting import JobFailure
    from hub.exchange.certificates import Expiry


@dataclass(frozen=True, slots=True)
class Watched:
    """What is judged of a hub.

    `lag_ms` is how long the oldest message waits to be committed. `backup_at` is when a backup was last verified (UTC
    ms; None: never), `days_left` for how many days the disk has room (None: nobody knows), `restorable_at` when one was
    last seen to be restored (None: there is nothing yet to restore).
    """

    checks: tuple[Check, ...]
    failing: Mapping[str, JobFailure]
    lag_ms: int
    backup_at: int | None
    days_left: int | None
    channels_off: int
    restorable_at: int | None = None
    certificates: tuple[Expiry, ...] = ()
    crl: Expiry | None = None


def list_faults(found: Watched, now: int, limits: Thresholds) -> tuple[str, ...]:
    """Return a sentence for each fault at `now` (UTC ms), by the thresholds that hold, the most urgent first."""
    return tuple(_each(found, now, limits))


def _each(found: Watched, now: int, limits: Thresholds) -> Iterator[str]:
    yield from (check.text for check in found.checks if check.standing is Standing.BAD)
    for job, failure in sorted(found.failing.items()):
        yield f"The job {job} has failed since {local_time(failure.since)}: {failure.why}."
    if found.lag_ms > limits.ms("hub_ingest_lag_warning_seconds"):
        waits = span(found.lag_ms)
        yield f"A message of a device waits for {waits} to be committed: see the hub's disk, then its log."
    if found.backup_at is None:
        yield "No backup was ever verified, so devices keep all that they have sent: run meter-hub backup each day."
    elif now - found.backup_at > limits.ms("backup_stale_hours"):
        age = span(now - found.backup_at)
        yield f"The last backup was verified {age} ago: see why the daily meter-hub backup does not end well."
    if found.restorable_at is not None and now - found.restorable_at > limits.ms("restore_drill_stale_days"):
        yield f"No backup was restored since {local_time(found.restorable_at)}: try it with meter-hub drill."
    for one in found.certificates:
        yield from _end(f"certificate for {one.use}", one, now, limits.ms("certificate_expiry_warning_days"))
    if found.crl is not None:
        yield from _end("broker's revocation list", found.crl, now, limits.ms("crl_expiry_days"))
    if found.days_left is not None and found.days_left < limits["hub_space_days"]:
        yield f"The disk is full in {found.days_left} days if the database goes on growing so: see to a larger one."
    if found.channels_off:
        yield f"Of the channels {found.channels_off} took nothing for days and are not tried any more: see /channels."


def _end(name: str, found: Expiry, now: int, left_ms: int) -> Iterator[str]:
    if found.until is None:
        yield f"The {name} cannot be read: see that its file is there and that the hub's user may read it."
    elif found.until - now < left_ms:
        is_over = found.until <= now
        yield f"The {name} {'ended' if is_over else 'ends'} {local_time(found.until)}: see why nobody renewed it."
