"""The composition: its parts begin and end together, and none waits for another that is slow."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.errors import StoreUnavailableError
from hub.ingest import Ingest
from hub.store import registry, sqlite
from hub.store.database import Database
from hub.web.feed import Feed
from hub.web.headers import CONTENT_SECURITY_POLICY
from simulators.ports import free_port
from tests.hub.making import NOW
from tests.hub.programs import HOST, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from hub.web.context import Hub


class Brought:
    """Stands for whatever brings blocks in; remembers what became of it."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    @property
    def connected(self) -> bool:
        """Whether blocks can arrive."""
        return True

    def start(self) -> None:
        """Begin."""
        self.steps.append("started")

    def stop(self) -> None:
        """End."""
        self.steps.append("stopped")


def _settings(folder: Path, broker: Address | None = None) -> HubSettings:
    return HubSettings(folder / "hub", broker=broker, listen=Address(HOST, 0), is_open=True)


def test_pages_that_hold_every_reader_do_not_hold_the_ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While no page gets a reader any more, what takes blocks still has its own."""
    monkeypatch.setattr(sqlite, "_READER_WAIT_SECONDS", 0.05)
    app = build_app(_settings(tmp_path, Address(HOST, free_port())), lambda: NOW)
    hub: Hub = app.state.hub
    assert isinstance(hub.ingest, Ingest)
    with contextlib.ExitStack() as pages:
        for _ in range(8):
            pages.enter_context(hub.database.read())
        with pytest.raises(StoreUnavailableError, match="try again"), hub.database.read():
            pass
        with hub.ingest._database.read() as connection:
            assert registry.find_timeline(connection) is not None
    hub.database.close()


def test_a_bug_in_the_feed_is_loud_and_stops_the_rest_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes where a thread's bug goes, which ends a served hub; and ingest and database are still closed properly."""
    bugs: list[BaseException | None] = []
    brought = Brought()

    async def stumble(_feed: Feed) -> None:
        message = "a bug"
        raise LookupError(message)

    close = Database.close

    def close_last(database: Database) -> None:
        brought.steps.append("closed")
        close(database)

    monkeypatch.setattr(Feed, "watch", stumble)
    monkeypatch.setattr(Database, "close", close_last)
    monkeypatch.setattr(threading, "excepthook", lambda failure: bugs.append(failure.exc_value))
    app = build_app(_settings(tmp_path), lambda: NOW)
    app.state.hub = replace(app.state.hub, ingest=brought)
    with TestClient(app):
        wait_until(lambda: bool(bugs), "the bug to be told")
    assert [str(bug) for bug in bugs] == ["a bug"]
    assert brought.steps == ["started", "stopped", "closed"]


def test_a_bug_behind_a_page_is_answered_like_any_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub says that it met a bug, under the same policy as everything else it says."""

    def stumble(*_arguments: object) -> None:
        message = "a secret"
        raise LookupError(message)

    monkeypatch.setattr("hub.web.pages.fleet.read_fleet", stumble)
    with TestClient(build_app(_settings(tmp_path), lambda: NOW), raise_server_exceptions=False) as client:
        answer = client.get("/")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "its log" in answer.text
    assert "secret" not in answer.text
