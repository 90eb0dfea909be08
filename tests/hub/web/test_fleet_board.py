"""The fleet board: where devices stand, in words and numbers, on its page, for programs and for who watches."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from hub.counting import Counting
from hub.fleet.looks import Came
from hub.jobs import AlertJob
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.register_device import register_device
from hub.store import fleet_hours
from tests.hub.making import TERMS, made_log
from tests.hub.programs import wait_until
from tests.hub.web.acting import NOW, open_api

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

DEVICE = made_log([1_000_000, 1_000_250])


def add_device(database: Database) -> None:
    """Register a device that was heard and is behind."""
    register_device(database, DEVICE.pem, "Barn", NOW)
    accept_blocks(database, DEVICE.arrivals(), TERMS, NOW)
    answer_state(database, DEVICE.id, DEVICE.state(head=7), terms=TERMS, now=NOW, retained=False)


def test_the_board_is_told_in_words(tmp_path: Path) -> None:
    """Each word under its urgency, with the way to those that stand there; the API says the same, and metrics."""
    with open_api(tmp_path) as api:
        counting = api.client.app.state.hub.counting  # type: ignore[attr-defined]
        wait_until(lambda: counting.fleet is not None, "the first look")
        add_device(api.database)
        AlertJob(api.database, counting, lambda: NOW).run(lambda: False)
        page = html.unescape(api.client.get("/", headers=api.headers("bea")).text)
        assert '<a class="urgency ok" href="/devices?axis=link&stands=online">1 online</a>' in page
        assert '<a class="urgency warn" href="/devices?axis=data&stands=backlog">1 backlog</a>' in page
        told = api.get("bea", "fleet").json()
        assert {(one["axis"], one["stands"], one["urgency"], one["devices"]) for one in told["stands"]} == {
            ("link", "online", "ok", 1),
            ("meter", "none registered", "ok", 1),
            ("data", "backlog", "warn", 1),
            ("report", "not due", "ok", 1),
        }
        assert (told["backlog"], told["behind"], told["in_service"], told["heard_in_hour"]) == (6, 1, 1, 1)
        assert told["longest"] == {"device": DEVICE.text, "name": "Barn", "backlog": 6, "block_at": told["looked_at"]}
        assert api.get("owner", "fleet").status_code == 403


def test_before_the_first_look_nothing_is_made_up(tmp_path: Path) -> None:
    """The page says so, and the API tells no number."""
    with open_api(tmp_path) as api:
        hub = api.client.app.state.hub  # type: ignore[attr-defined]
        wait_until(lambda: hub.counting.fleet is not None, "the first look")
        add_device(api.database)
        hub.counting.fleet = None
        assert "The hub has not looked yet" in api.client.get("/", headers=api.headers("bea")).text
        told = api.get("bea", "fleet").json()
        assert (told["looked_at"], told["stands"], told["longest"]) == (None, [], None)


def test_what_came_is_told_to_the_look_once(tmp_path: Path) -> None:
    """A second look has what came since the first."""
    counting = Counting()
    counting.count_blocks({"new": 5, "duplicate": 1}, 20)
    with open_api(tmp_path) as api:
        hub = api.client.app.state.hub  # type: ignore[attr-defined]
        wait_until(lambda: hub.counting.fleet is not None, "the first look")
        job = AlertJob(api.database, counting, lambda: NOW)
        counting.count_blocks({"new": 2, "supersedes": 1, "junk": 1}, 7)
        job.run(lambda: False)
        job.run(lambda: False)
        with api.database.read() as connection:
            last = fleet_hours.find_last_hour(connection)
    assert last is not None
    assert Came(last.blocks, last.readings) == Came(3, 7)
