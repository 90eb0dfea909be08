"""Server-sent events: which subjects changed, at most once a second per page, resumable by change number.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from hub.clock import monotonic_seconds
from hub.errors import StoreUnavailableError
from hub.store import changes
from hub.store.changes import KEPT_CHANGES_MAX

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from hub.store.database import Database

log = logging.getLogger("hub.feed")

POLL_SECONDS = 0.2
PING_SECONDS = 20.0
SPACING_SECONDS = 1.0
LISTENERS_MAX = 1_000
RETRY_MS = 2000


BROKER_PRESENT = "broker:present"
BROKER_ABSENT = "broker:absent"
"""What a page says of the broker, among the subjects that it watches: when it is no longer so, the page hears."""


def broker_subject(connected: bool | None) -> str | None:  # noqa: FBT001 - the one fact asked about
    """Return what a page shows of the broker; None where the hub has none."""
    if connected is None:
        return None
    return BROKER_PRESENT if connected else BROKER_ABSENT


class Feed:
    """Looks at the change numbers five times a second while anybody listens, and tells the listeners."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._latest = 0
        self._listeners = 0
        self._stopping = False
        self._ended = False

    @property
    def listeners(self) -> int:
        """How many pages listen."""
        return self._listeners

    @property
    def is_full(self) -> bool:
        """Whether one more listener would be too many."""
        return self._listeners >= LISTENERS_MAX

    @property
    def has_ended(self) -> bool:
        """Whether nobody follows the changes any more: no page is told anything."""
        return self._ended

    def stop(self) -> None:
        """End every stream within a moment. May be called from a signal handler."""
        self._stopping = True

    async def watch(self) -> None:
        """Follow the change numbers until `stop`; run as one task beside the server.

        If it ends in any other way it says so in the log and ends every stream, so that no page goes on saying it is
        live; what went wrong is raised to whoever awaits the task.
        """
        try:
            await self._follow()
        finally:
            self._ended = True
            if not self._stopping:
                log.critical("the feed ended by a bug: open pages do not update by themselves until the hub restarts")

    async def listen(
        self, after: int, watched: frozenset[str], is_connected: Callable[[], bool | None] = lambda: None
    ) -> AsyncIterator[str]:
        """Yield the event stream of one page that shows the `watched` subjects as of change number `after`.

        `is_connected` tells whether the broker is there (None: the hub has none). Numbers that this database never
        gave (a backup was restored) or has forgotten begin with an event, for nobody knows what such a page missed.
        """
        self._listeners += 1
        try:
            yield f"retry: {RETRY_MS}\n\n"
            seen, told_at, quiet_until = after, monotonic_seconds(), 0.0
            shown, known = next((subject for subject in watched if subject.startswith("broker:")), None), False
            while not (self._stopping or self._ended):
                now = monotonic_seconds()
                broker = broker_subject(is_connected()) if shown else None
                if now >= quiet_until and (not known or self._latest > seen or broker != shown):
                    try:
                        seen, relevant = await asyncio.to_thread(self._read_relevant, seen, watched)
                    except StoreUnavailableError:
                        # Fetching a page says so in words; the stream only waits until the database is back.
                        quiet_until = now + SPACING_SECONDS
                        continue
                    known = True
                    if broker != shown:
                        shown, relevant = broker, relevant or ["broker"]
                    if relevant:
                        yield f"id: {seen}\nevent: change\ndata: {json.dumps(relevant)}\n\n"
                        told_at, quiet_until = now, now + SPACING_SECONDS
                elif now - told_at >= PING_SECONDS:
                    yield ": ping\n\n"
                    told_at = now
                await asyncio.sleep(POLL_SECONDS)
        finally:
            self._listeners -= 1

    async def _follow(self) -> None:
        while not self._stopping:
            if self._listeners:
                try:
                    self._latest = await asyncio.to_thread(self._read_latest)
                except StoreUnavailableError:
                    # Pages say so themselves; the feed only waits until the database is back.
                    await asyncio.sleep(SPACING_SECONDS)
            await asyncio.sleep(POLL_SECONDS)

    def _read_latest(self) -> int:
        with self._database.read() as connection:
            return changes.latest_change(connection)

    def _read_relevant(self, number: int, watched: frozenset[str]) -> tuple[int, list[str]]:
        """Return the newest number, and which of the watched subjects may have changed since `number`."""
        with self._database.read() as connection:
            latest = changes.latest_change(connection)
            if not latest - KEPT_CHANGES_MAX <= number <= latest:
                return latest, sorted(watched)
            newest, changed = changes.changes_after(connection, number)
        return newest, sorted({str(subject) for subject in changed} & watched)
