"""The feed: nothing missed between a page and its stream, nothing said twice a second."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest
from fastapi.responses import StreamingResponse

from hub.store import changes
from hub.store.changes import FLEET, KEPT_CHANGES_MAX, Subject, SubjectKind
from hub.web.actors import find_actor
from hub.web.events import stream_events
from hub.web.feed import BROKER_ABSENT, BROKER_PRESENT, Feed
from tests.hub.making import NOW
from tests.hub.reporting import OTHER, SYSTEM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy import Connection

    from hub.store.database import Database
    from tests.hub.web.acting import Api

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


async def test_a_program_listens_with_its_token(api: Api) -> None:
    """To the systems that its account may see, from a number that it knows on; of others it hears nothing."""
    hub = api.client.app.state.hub  # type: ignore[attr-defined]
    known = _announce(api.database, FLEET)
    newest = _announce(api.database, Subject(SubjectKind.SYSTEM, SYSTEM), Subject(SubjectKind.SYSTEM, OTHER))
    owner = find_actor(hub, api.headers("owner")["authorization"])
    answer = await stream_events(hub, owner, f"system:{OTHER},system:{SYSTEM}", known)
    assert isinstance(answer, StreamingResponse)
    stream = cast("AsyncIterator[str]", answer.body_iterator)
    assert await _next_event(stream) == (newest, [f"system:{SYSTEM}"])


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


@pytest.mark.parametrize("beyond", [1, 10**19])
async def test_a_page_ahead_of_the_database_is_drawn_again(database: Database, beyond: int) -> None:
    """A number this database never gave (a backup was restored) brings one event at once, and then the next change."""
    newest = _announce(database, A, FLEET)
    feed = Feed(database)
    watching = asyncio.create_task(feed.watch())
    stream = feed.listen(newest + beyond, frozenset({"fleet"}))
    assert await _next_event(stream) == (newest, ["fleet"])
    again = _announce(database, FLEET)
    assert await _next_event(stream) == (again, ["fleet"])
    feed.stop()
    await watching


async def test_a_page_that_slept_too_long_is_drawn_again(database: Database) -> None:
    """Of forgotten changes nobody knows whom they concerned, so the page is told."""
    drawn = _announce(database, FLEET)
    with database.write() as connection:
        for _ in range(KEPT_CHANGES_MAX // 1000 + 1):
            changes.announce(connection, [Subject(SubjectKind.SYSTEM, str(n)) for n in range(1000)], NOW)
        newest = changes.latest_change(connection)
    feed = Feed(database)
    assert await _next_event(feed.listen(drawn, frozenset({"fleet"}))) == (newest, ["fleet"])


@pytest.mark.parametrize("shown", [BROKER_ABSENT, BROKER_PRESENT])
async def test_a_page_hears_that_the_broker_came_or_went(database: Database, shown: str) -> None:
    """What a page says of the broker is corrected once, without any change in the database."""
    newest = _announce(database, FLEET)
    feed = Feed(database)
    watching = asyncio.create_task(feed.watch())
    stream = feed.listen(newest, frozenset({"fleet", shown}), lambda: shown == BROKER_ABSENT)
    assert await _next_event(stream) == (newest, ["broker"])
    again = _announce(database, FLEET)
    assert await _next_event(stream) == (again, ["fleet"])
    feed.stop()
    await watching


@dataclass
class _Broken:
    """A database that meets a bug when it is read."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        message = "a bug"
        raise ZeroDivisionError(message)
        yield


async def test_a_feed_that_fails_says_so_and_ends_every_stream(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """No page goes on saying it is live, the log has a sentence, and the task's exception is there for its owner."""
    feed = Feed(database)
    reading = asyncio.create_task(_drain(feed.listen(0, frozenset({"fleet"}))))
    await asyncio.sleep(0)
    feed._database = cast("Database", _Broken())
    with caplog.at_level(logging.CRITICAL), pytest.raises(ZeroDivisionError):
        await feed.watch()
    async with asyncio.timeout(WAIT_SECONDS):
        await asyncio.wait([reading])
    assert feed.has_ended
    assert "the feed ended by a bug" in caplog.text


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
