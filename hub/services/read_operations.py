"""Read what an operator watches, in numbers that name nobody: devices by state, backlogs, mail, backup, database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.services.read_devices import Link, read_devices
from hub.services.read_reporting import current_window
from hub.store import backups, notices_outbox, registry, sqlite
from hub.store.notices_outbox import NoticeState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.rules.windows import ReportingWindow
    from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class Operations:
    """The hub's state at one instant; instants are UTC ms.

    `backlog` counts sealed blocks that the hub lacks, `unsafe` those it has and devices may not let go of yet.
    `oldest_block_at` is when the last block came of the device that has been without one for longest, `newest_block_at`
    when any last came. `mails` are those of the last sixty days; `oldest_mail_at` is when the first was made that
    waits.
    """

    links: Mapping[Link, int]
    contested: int
    unknown_devices: int
    backlog: int
    unsafe: int
    oldest_block_at: int | None
    newest_block_at: int | None
    mails: Mapping[NoticeState, int]
    oldest_mail_at: int | None
    backup_at: int | None
    drilled_at: int | None
    window: ReportingWindow
    is_window_open: bool
    sqlite_version: str
    database_bytes: int


def read_operations(database: Database, now: int) -> Operations:
    """Return how the hub stands at `now` (UTC ms); raises StoreUnavailableError."""
    with database.read() as connection:
        devices = read_devices(connection, now)
        unknown = len(registry.list_unknown_devices(connection))
        mails = notices_outbox.count_states(connection, now)
        backup, drill = backups.latest_backup(connection), backups.latest_drill(connection)
        version = sqlite.library_version(connection)
    links = Counter(device.link for device in devices)
    blocks_at = [device.block_at for device in devices if device.block_at is not None]
    window, is_open = current_window(now)
    return Operations(
        links={link: links[link] for link in Link},
        contested=sum(bool(device.contested) for device in devices),
        unknown_devices=unknown,
        backlog=sum(device.backlog for device in devices),
        unsafe=sum(max(0, device.committed - device.safe) for device in devices),
        oldest_block_at=min(blocks_at, default=None),
        newest_block_at=max(blocks_at, default=None),
        mails={state: mails.numbers.get(state, 0) for state in NoticeState},
        oldest_mail_at=mails.waiting_since,
        backup_at=None if backup is None else backup.verified_at,
        drilled_at=None if drill is None else drill.drilled_at,
        window=window,
        is_window_open=is_open,
        sqlite_version=version,
        database_bytes=database.size_bytes(),
    )
