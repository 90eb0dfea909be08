"""That the benchmark of the pages leaves none out, and makes a hub at which every one of them is there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Match

from benchmarks.asked import Marks, find_marks
from benchmarks.made_devices import NOW
from benchmarks.made_hub import make_hub
from benchmarks.made_people import let_in
from benchmarks.web_pages import REASONS, page_routes, pages_at, refuse_forgotten
from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.audit_chain import find_broken
from hub.services.draw_board import draw_board
from hub.services.evaluate_alerts import evaluate_alerts
from hub.store import audit_log
from hub.web.visitors import COOKIE

if TYPE_CHECKING:
    from pathlib import Path

SYSTEMS, SITE_HOURS = 400, 30
ROUTES = [route.path for route in page_routes()]
MARKS = Marks(100_000, "SLF-BM0000-00006", board="1,SLF-BM0000-00001", document="document", link="link")
PAGES = pages_at(MARKS)


def test_no_page_is_forgotten() -> None:
    """A new page fails here: give an example of its address in `benchmarks/`, or say there why it is not measured."""
    assert refuse_forgotten(ROUTES, PAGES) is None
    assert PAGES.keys() & REASONS.keys() == set()


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ([*ROUTES, "/tariffs"], "nobody measures /tariffs: give an address in benchmarks/, or a reason in `REASONS`"),
        (
            [route for route in ROUTES if route != "/hub"],
            "the hub has no page any more at /hub: take it out of benchmar",
        ),
    ],
)
def test_a_forgotten_page_is_named(routes: list[str], said: str) -> None:
    """In a sentence that says what to do, and so is one that is gone."""
    assert (refuse_forgotten(routes, PAGES) or "").startswith(said)


@pytest.mark.parametrize("route", sorted(PAGES))
def test_each_address_is_one_of_its_page(route: str) -> None:
    """It leads to the route that it stands under, and to none that comes before."""
    for asked in PAGES[route]:
        for address in filter(None, (asked.path, asked.far)):
            scope = {"type": "http", "method": "GET", "path": urlsplit(address).path}
            found = next(one for one in page_routes() if one.matches(scope)[0] is Match.FULL)
            assert found.path == route, address


def test_every_page_is_there(tmp_path: Path) -> None:
    """At a small hub that is made as the large one, each is answered to whom it is for, and the audit log is whole."""
    folder = tmp_path / "hub"
    make_hub(folder, SYSTEMS, SITE_HOURS)
    app = build_app(HubSettings(folder, broker=None, listen=Address("127.0.0.1", 0)), now=lambda: NOW)
    database = app.state.hub.database
    draw_board(database, NOW)
    evaluate_alerts(database, 0, NOW)
    let = let_in(database)
    with database.read() as connection:
        pages = pages_at(find_marks(connection, SYSTEMS, let.link))
        assert find_broken(audit_log.iterate_audit(connection)) is None
    client = TestClient(app, follow_redirects=False)
    refused = {
        f"{address} as {asked.who}": answer.status_code
        for examples in pages.values()
        for asked in examples
        for address in filter(None, (asked.path, asked.far))
        if (
            answer := client.get(address, headers={"cookie": f"{COOKIE}={let.sessions.get(asked.who, '')}"})
        ).status_code
        != 200
    }
    assert not refused
    database.close()
