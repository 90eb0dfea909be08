"""The fleet board: where devices stand, in words and numbers, on its page, for programs and for who watches."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from hub.counting import Counting
from hub.fleet.looks import HOUR_MS, Came, hour_of
from hub.jobs import AlertJob
from hub.rules.windows import window_of
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.draw_board import draw_board
from hub.services.read_fleet_board import read_fleet_board
from hub.services.read_window_head import read_window_head
from hub.services.register_device import register_device
from hub.store import fleet_hours
from hub.store.fleet_hours import FleetHour
from tests.hub.making import TERMS, made_log
from tests.hub.programs import wait_until
from tests.hub.reporting import JAN
from tests.hub.web.acting import DAY_MS, NOW, open_api

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


def test_the_last_days_are_drawn(tmp_path: Path) -> None:
    """A share and what came for each day; hours without a look are unknown and not empty."""
    with open_api(tmp_path) as api:
        counting = api.client.app.state.hub.counting  # type: ignore[attr-defined]
        wait_until(lambda: counting.fleet is not None, "the first look")
        add_device(api.database)
        with api.database.write() as connection:
            for back, heard in ((30, 4), (29, 3), (28, 4)):
                at = hour_of(NOW) - back * HOUR_MS
                fleet_hours.save_hour(connection, FleetHour(at, at + 1, 4, heard, 0, 10, 40 + back))
        AlertJob(api.database, counting, lambda: NOW).run(lambda: False)
        page = html.unescape(api.client.get("/", headers=api.headers("bea")).text).replace("\u00a0", " ")
        told = api.get("bea", "fleet").json()
    rows = re.findall(r'<tr><th scope="row">(\d+ Jan 2024)</th>(.*?)</tr>', page)
    cells = {day: re.findall(r">([^<]+)</td>", row) for day, row in rows}
    assert len(cells) == 7
    assert cells["25 Jan 2024"] == ["-", "-", "24", "0", "0"]
    assert cells["30 Jan 2024"] == ["91.6 %", "75.0 %", "21", "207", "30"]
    assert "70 an hour at the beginning, 68 in the last; 70 at most." in page
    assert "6 blocks that 1 device sealed and the hub lacks" in page
    assert '<a href="/hub">can do its work</a>' in page
    assert [(one["heard"], one["in_service"], one["readings"]) for one in told["hours"]] == [
        (4, 4, 70),
        (3, 4, 69),
        (4, 4, 68),
        (1, 1, 0),
    ]


def test_the_window_leads_the_page_in_its_days(tmp_path: Path) -> None:
    """While it is open with what lacks it, in the five days before with who will not be read, otherwise not at all."""
    opens_at = window_of(JAN.next()).opens_at
    with open_api(tmp_path) as api:
        hub = api.client.app.state.hub  # type: ignore[attr-defined]
        wait_until(lambda: hub.counting.fleet is not None, "the first look")
        add_device(api.database)
        AlertJob(api.database, hub.counting, lambda: NOW).run(lambda: False)
        draw_board(api.database, NOW)

        def page(at: int) -> str:
            api.client.app.state.hub = replace(hub, now=lambda: at)  # type: ignore[attr-defined]
            text = html.unescape(api.client.get("/", headers=api.headers("bea")).text)
            return text.replace("\u00a0", " ").partition("How devices do")[0]

        within = page(NOW)
        assert '<a href="/board">January 2024</a>: 5 days left' in within
        assert "2 systems lack the month, with" in within
        assert '<a class="tile at-risk" href="/board?standing=at%20risk"><strong>1</strong> at risk</a>' in within
        before = page(opens_at - 2 * DAY_MS)
        assert "February 2024 opens in 2 days" in before
        assert '<a href="/devices?axis=link&stands=silent">0 silent</a>' in before
        hub.counting.fleet = None
        assert '<a href="/devices?axis=link&stands=silent">devices silent</a>' in page(opens_at - 1)
        assert 'id="window"' not in page(opens_at - 5 * DAY_MS - 1)


def test_before_its_first_look_at_an_open_window_the_hub_says_so(tmp_path: Path) -> None:
    """It does not tell the standings of the month before as those of this one."""
    with open_api(tmp_path) as api:
        draw_board(api.database, NOW)
        with api.database.read() as connection:
            head = read_window_head(connection, window_of(JAN.next()).opens_at)
    assert head is not None
    assert (head.is_open, head.counts, head.lacking, head.lacking_wh) == (True, None, 0, 0)


def test_what_is_wrong_with_the_hub_is_said_here(tmp_path: Path) -> None:
    """By the names of its checks, with the way to its page."""
    with open_api(tmp_path) as api:
        add_device(api.database)
        hub = api.client.app.state.hub  # type: ignore[attr-defined]
        board = read_fleet_board(hub.database, None, NOW, broker_connected=False)
    assert [one.name for one in board.bad] == ["broker"]


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
    counting.count_blocks({"new": 5, "duplicate": 1}, {"stored": 20})
    with open_api(tmp_path) as api:
        hub = api.client.app.state.hub  # type: ignore[attr-defined]
        wait_until(lambda: hub.counting.fleet is not None, "the first look")
        job = AlertJob(api.database, counting, lambda: NOW)
        counting.count_blocks({"new": 2, "supersedes": 1, "junk": 1}, {"stored": 7})
        job.run(lambda: False)
        job.run(lambda: False)
        with api.database.read() as connection:
            last = fleet_hours.find_last_hour(connection)
    assert last is not None
    assert Came(last.blocks, last.readings) == Came(3, 7)
