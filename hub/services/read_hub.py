"""Read how the hub itself does: its checks, what it keeps, what it tells, in a number of queries that never grows."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.services.check_ready import check_ready
from hub.services.read_alerts import read_open
from hub.store import backups, channels, notices_outbox, registry, sqlite
from hub.store.database import SCHEMA_REVISION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.alerting.life import Standing
    from hub.services.checks import Check
    from hub.store.backups import Backup, Drill
    from hub.store.database import Database
    from hub.store.notices_outbox import NoticeState


@dataclass(frozen=True, slots=True)
class HubView:
    """The hub at one instant; instants are UTC ms. `free_bytes` is None where its disk is not there.

    `unknown_devices` counts devices that speak and are not registered, 100 at most. `mails` are those of the last sixty
    days, `mail_since` is when the first was made that waits. `channels_off` counts channels that are not tried.
    """

    checks: tuple[Check, ...]
    database_bytes: int
    free_bytes: int | None
    sqlite_version: str
    schema: str
    backup: Backup | None
    drill: Drill | None
    unknown_devices: int
    mails: Mapping[NoticeState, int]
    mail_since: int | None
    channels: int
    channels_off: int
    alerts: Mapping[Standing, int]


def read_hub(database: Database, now: int, *, broker_connected: bool | None) -> HubView:
    """Return how the hub does at `now` (UTC ms); raises StoreUnavailableError."""
    checks = check_ready(database, broker_connected=broker_connected)
    with database.read() as connection:
        mails = notices_outbox.count_states(connection, now)
        told = channels.list_channels(connection)
        counts: dict[Standing, int] = {}
        for view in read_open(connection, now):
            counts[view.standing] = counts.get(view.standing, 0) + 1
        return HubView(
            checks=checks,
            database_bytes=database.size_bytes(),
            free_bytes=_free(database),
            sqlite_version=sqlite.library_version(connection),
            schema=SCHEMA_REVISION,
            backup=backups.latest_backup(connection),
            drill=backups.latest_drill(connection),
            unknown_devices=len(registry.list_unknown_devices(connection)),
            mails=mails.numbers,
            mail_since=mails.waiting_since,
            channels=len(told),
            channels_off=sum(one.failed_at is not None for one in told),
            alerts=counts,
        )


def _free(database: Database) -> int | None:
    try:
        return shutil.disk_usage(database.path.parent).free
    except OSError:
        return None
