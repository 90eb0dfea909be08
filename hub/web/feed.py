"""Server-sent events: which subjects changed, at most once a second per page, resumable by change number.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from hub.clock import monotonic_seconds
from hub.errors import StoreUnavailableError
from hub.store import changes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.store.changes import Subject
    from hub.store.database import Database

POLL_SECONDS = 0.2
PING_SECONDS = 20.0
SPACING_SECONDS = 1.0
LISTENERS_MAX = 256
RETRY_MS = 2000


class Feed:
    """Looks at the change numbers five times a second while anybody listens, and tells the listeners."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._latest = 0
        self._listeners = 0
        self._stopping = False

    @property
    def is_full(self) -> bool:
        """Whether one more listener would be too many."""
        return self._listeners >= LISTENERS_MAX

    def stop(self) -> None:
        """End every stream within a moment. May be called from a signal handler."""
        self._stopping = True

    async def watch(self) -> None:
        """Follow the change numbers until `stop`; run as one task beside the server."""
        while not self._stopping:
            if self._listeners:
                try:
                    self._latest = await asyncio.to_thread(self._read_latest)
                except StoreUnavailableError:
                    # Pages say so themselves; the feed only waits until the database is back.
                    await asyncio.sleep(SPACING_SECONDS)
            await asyncio.sleep(POLL_SECONDS)

    async def listen(self, after: int, watched: frozenset[str]) -> AsyncIterator[str]:
        """Yield the event stream of one page that shows the `watched` subjects as of change number `after`."""
        self._listeners += 1
        try:
            yield f"retry: {RETRY_MS}\n\n"
            seen, told_at, quiet_until = after, monotonic_seconds(), 0.0
            while not self._stopping:
                now = monotonic_seconds()
                if self._latest > seen and now >= quiet_until:
                    seen, changed = await asyncio.to_thread(self._read_after, seen)
                    relevant = sorted({str(subject) for subject in changed} & watched)
                    if relevant:
                        yield f"id: {seen}\nevent: change\ndata: {json.dumps(relevant)}\n\n"
                        told_at, quiet_until = now, now + SPACING_SECONDS
                elif now - told_at >= PING_SECONDS:
                    yield ": ping\n\n"
                    told_at = now
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._listeners -= 1

    def _read_latest(self) -> int:
        with self._database.read() as connection:
            return changes.latest_change(connection)

    def _read_after(self, number: int) -> tuple[int, frozenset[Subject]]:
        with self._database.read() as connection:
            return changes.changes_after(connection, number)
