"""The feed: nothing missed between a page and its stream, nothing said twice a second."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from hub.store import changes
from hub.store.changes import FLEET, KEPT_CHANGES_MAX, Subject, SubjectKind
from hub.web.feed import Feed
from tests.hub.making import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.store.database import Database

A = Subject(SubjectKind.SYSTEM, "A")
B = Subject(SubjectKind.SYSTEM, "B")
WAIT_SECONDS = 10


def _announce(database: Database, *subjects: Subject) -> int:
    with database.write() as connection:
        changes.announce(connection, subjects, NOW)
        return changes.latest_change(connection)


async def _next_event(stream: AsyncIterator[str]) -> tuple[int, list[str]]:
    async with asyncio.timeout(WAIT_SECONDS):
        async for text in stream:
            if text.startswith("id:"):
                fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
                return int(fields["id"]), json.loads(fields["data"])
    message = "the stream ended without an event"
    raise AssertionError(message)


async def test_a_page_hears_what_changed_since_it_was_drawn(database: Database) -> None:
    """A change between drawing the page and opening the stream is told; one of another system is not."""
    drawn = _announce(database, FLEET)
    newest = _announce(database, A, B)
    feed = Feed(database)
    watching = asyncio.create_task(feed.watch())
    stream = feed.listen(drawn, frozenset({str(A)}))
    assert await _next_event(stream) == (newest, ["system:A"])
    feed.stop()
    await watching


async def test_changes_are_told_together(database: Database) -> None:
    """Many changes within a second come as one event with the newest number."""
    feed = Feed(database)
    watching = asyncio.create_task(feed.watch())
    stream = feed.listen(0, frozenset({"fleet"}))
    _announce(database, FLEET)
    first, _ = await _next_event(stream)
    for _ in range(20):
        newest = _announce(database, FLEET)
    assert await _next_event(stream) == (newest, ["fleet"])
    assert newest == first + 20
    feed.stop()
    await watching


async def test_stopping_ends_every_stream(database: Database) -> None:
    """An open page does not hold the server."""
    feed = Feed(database)
    watching = asyncio.create_task(feed.watch())
    reading = asyncio.create_task(_drain(feed.listen(0, frozenset({"fleet"}))))
    await asyncio.sleep(0)
    feed.stop()
    async with asyncio.timeout(WAIT_SECONDS):
        await asyncio.gather(watching, reading)


def test_old_changes_are_forgotten_and_numbers_still_grow(database: Database) -> None:
    """The feed stays small, and a number is never given twice."""
    with database.write() as connection:
        for _ in range(KEPT_CHANGES_MAX // 1000 + 1):
            changes.announce(connection, [Subject(SubjectKind.SYSTEM, str(n)) for n in range(1000)], NOW)
        newest = changes.latest_change(connection)
        kept = connection.exec_driver_sql("SELECT count(*), min(number) FROM change").one()
    assert tuple(kept) == (KEPT_CHANGES_MAX, newest - KEPT_CHANGES_MAX + 1)
    assert _announce(database, FLEET) == newest + 1


async def _drain(stream: AsyncIterator[str]) -> None:
    async for _ in stream:
        pass
