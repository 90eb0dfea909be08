"""Advance what devices may let go of, to what a verified backup holds: the only way it ever moves under `hold`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hub.store import custody
from hub.store.custody import SavedStream
from protocol.custody import receiver

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from hub.store.database import Database
    from protocol.custody.receiver import Stream

_STREAMS_AT_ONCE = 256
"""How many streams one transaction changes, so that blocks that arrive meanwhile need not wait long."""


def advance_safe(database: Database, saved: Iterable[Stream]) -> int:
    """Advance every stream's `safe` to what is held of it in a verified backup; return how many streams moved.

    `saved` are the streams as `hub.services.check_backup.check_contents` found them in the backup, never as the
    database sees them now. Raises StoreUnavailableError; what was advanced by then stays so, and rightly.
    """
    moved = 0
    remaining = iter(saved)
    while some := tuple(itertools.islice(remaining, _STREAMS_AT_ONCE)):
        with database.read() as connection:
            if not _advanced(connection, some):
                continue
        with database.write() as connection:
            advanced = _advanced(connection, some)
            custody.save_streams(connection, advanced)
            moved += len(advanced)
    return moved


def _advanced(connection: Connection, saved: Sequence[Stream]) -> list[SavedStream]:
    """Return those of the streams of which more is safe since a backup holds them as `saved`."""
    held = custody.find_streams(connection, {(stream.device, stream.epoch) for stream in saved})
    found: list[SavedStream] = []
    for stream in saved:
        before = held[stream.device, stream.epoch]
        after = receiver.safe_in_backup(before.stream, stream)
        if after.safe != before.stream.safe:
            found.append(SavedStream(before.id, after, before.begun_at, None))
    return found
