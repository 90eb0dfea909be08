"""Open the hub's database, giving a new one the identity of its timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.store import registry
from hub.store.database import Database, open_database

if TYPE_CHECKING:
    from pathlib import Path

TIMELINE_LENGTH = 8


def open_hub(folder: Path, *, new_timeline: bytes, at: int, create: bool = True) -> Database:
    """Return the database in `folder`; a database without a timeline starts `new_timeline` (8 bytes, from chance).

    Raises SettingsError or StoreUnavailableError as `hub.store.database.open_database` does.
    """
    assert len(new_timeline) == TIMELINE_LENGTH, "a timeline id is 8 bytes"
    database = open_database(folder, create=create)
    with database.read() as connection:
        timeline = registry.find_timeline(connection)
    if timeline is None:
        with database.write() as connection:
            if registry.find_timeline(connection) is None:
                registry.start_timeline(connection, new_timeline, at)
    return database
