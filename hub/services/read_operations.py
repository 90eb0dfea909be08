"""Read what an operator watches, in numbers that name nobody: backup, window, database, strangers.

Only what costs the same for every fleet; what does not, a look sums up each minute (`hub.services.sum_fleet`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.services.read_reporting import current_window
from hub.store import backups, registry, sqlite

if TYPE_CHECKING:
    from hub.rules.windows import ReportingWindow
    from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class Operations:
    """The hub's state at one instant; instants are UTC ms.

    `unknown_devices` counts devices that speak and are not registered, 100 at most.
    """

    unknown_devices: int
    backup_at: int | None
    drilled_at: int | None
    window: ReportingWindow
    is_window_open: bool
    sqlite_version: str
    database_bytes: int


def read_operations(database: Database, now: int) -> Operations:
    """Return how the hub stands at `now` (UTC ms); raises StoreUnavailableError."""
    with database.read() as connection:
        unknown = len(registry.list_unknown_devices(connection))
        backup, drill = backups.latest_backup(connection), backups.latest_drill(connection)
        version = sqlite.library_version(connection)
    window, is_open = current_window(now)
    return Operations(
        unknown_devices=unknown,
        backup_at=None if backup is None else backup.verified_at,
        drilled_at=None if drill is None else drill.drilled_at,
        window=window,
        is_window_open=is_open,
        sqlite_version=version,
        database_bytes=database.size_bytes(),
    )
