"""Read how the hub itself does: its checks, what it keeps, what it tells, in a number of queries that never grows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.services.check_ready import check_ready
from hub.services.list_faults import Watched, list_faults
from hub.services.measure_disk import measure_disk
from hub.services.read_thresholds import load_thresholds
from hub.store import backups, channels, registry, sqlite, states
from hub.store.database import SCHEMA_REVISION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.alerting.life import Standing
    from hub.counting import Commits, Counting, Growth, JobFailure, JobRun
    from hub.exchange.certificates import Expiry
    from hub.services.checks import Check
    from hub.services.sum_fleet import FleetSums
    from hub.store.backups import Backup, Drill
    from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class HubView:
    """The hub at one instant; instants are UTC ms. `free_bytes` is None where its disk is not there.

    `faults` are sentences, one for each thing to mend. `lag_ms` is how long the oldest message from the broker waits to
    be committed, None where no broker is heard; `commits` and `growth` are None until they are known, `days_left` also
    where the database does not grow. `unknown_devices` counts devices that speak and are not registered, 100 at most.
    `ends` has until when certificates and the revocation list are good whose files the hub was told of.
    `mail_since` is when the first mail was made that waits, `alerts` how those that are not over stand: as they were
    last looked at, None before the first look. `channels_off` counts channels that are not tried.
    """

    checks: tuple[Check, ...]
    faults: tuple[str, ...]
    jobs: Mapping[str, JobRun]
    failing: Mapping[str, JobFailure]
    lag_ms: int | None
    commits: Commits | None
    database_bytes: int
    growth: Growth | None
    free_bytes: int | None
    days_left: int | None
    sqlite_version: str
    schema: str
    backup: Backup | None
    drill: Drill | None
    ends: tuple[Expiry, ...]
    unknown_devices: int
    mail_since: int | None
    channels: int
    channels_off: int
    alerts: Mapping[Standing, int] | None


def read_hub(database: Database, counting: Counting, now: int, *, broker_connected: bool | None) -> HubView:
    """Return how the hub does at `now` (UTC ms); raises StoreUnavailableError."""
    checks = check_ready(database, broker_connected=broker_connected)
    room, growth, sums = measure_disk(database), counting.growth(), counting.sums
    with database.read() as connection:
        told = channels.list_channels(connection)
        limits = load_thresholds(connection, now)
        backup, drill = backups.latest_backup(connection), backups.latest_drill(connection)
        began_at, has_blocks = registry.timeline_began_at(connection), states.has_blocks(connection)
        unknown = len(registry.list_unknown_devices(connection))
        version = sqlite.library_version(connection)
    watched = Watched(
        checks=checks,
        failing=dict(counting.failing),
        lag_ms=counting.lag_ms(),
        backup_at=None if backup is None else backup.verified_at,
        days_left=None if room is None or growth is None else room.days_left(growth.bytes_per_day),
        restorable_at=(began_at if drill is None else drill.drilled_at) if has_blocks else None,
        channels_off=sum(one.failed_at is not None for one in told),
        certificates=counting.certificates,
        crl=counting.crl,
    )
    return HubView(
        checks=checks,
        faults=list_faults(watched, now, limits),
        jobs=dict(counting.jobs),
        failing=watched.failing,
        lag_ms=None if broker_connected is None else watched.lag_ms,
        commits=counting.commits(),
        database_bytes=database.size_bytes(),
        growth=growth,
        free_bytes=None if room is None else room.free,
        days_left=watched.days_left,
        sqlite_version=version,
        schema=SCHEMA_REVISION,
        backup=backup,
        drill=drill,
        ends=counting.certificates if counting.crl is None else (*counting.certificates, counting.crl),
        unknown_devices=unknown,
        mail_since=None if sums is None else sums.mails.waiting_since,
        channels=len(told),
        channels_off=watched.channels_off,
        alerts=None if sums is None else _by_standing(sums),
    )


def _by_standing(sums: FleetSums) -> Mapping[Standing, int]:
    found: Counter[Standing] = Counter()
    for (_, _, standing), number in sums.alerts.items():
        found[standing] += number
    return found
