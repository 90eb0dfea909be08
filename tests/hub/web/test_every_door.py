"""What holds at every door: looking changes nothing, no other site may read along, and browsers come back over TLS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import select

from hub.rules.permissions import Relation, Role
from hub.services.manage_people import add_account, relate_account
from hub.store.accounts import Account
from hub.store.schema import metadata
from hub.web.headers import STRICT_TRANSPORT
from hub.web.routers import ROUTERS
from tests.hub.every_page import ADDRESSES, NOW, TYPED
from tests.hub.web.acting import Browser, give_password, signed_in
from tests.hub.web.asking import ALMIGHTY, open_to_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from hub.store.database import Database

PARTS = ADDRESSES | {"year": "2024", "layout": "systems", "kind": "pdf", "name": "x", "photo": "x", "document": "x"}
LAST_USE = {"web_session", "api_token"}
"""Tables that keep when something was last used, and so change by looking."""
STREAM = "/events"
"""It never ends, and keeps nothing."""


def doors(method: str) -> list[str]:
    """Return an address of every door that a method has."""
    found = {
        route.path: re.sub(r":\w+}", "}", route.path).format_map(Parts(PARTS)) + TYPED.get(route.path, "")
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and method in (route.methods or ()) and route.path != STREAM
    }
    return sorted(found.values())


class Parts(dict[str, str]):
    """Parts of addresses; any other is 1."""

    def __missing__(self, _name: str) -> str:
        """Return what stands for a part that is not among them."""
        return "1"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, dict[str, str]]]:
    """Return a hub with something of everything, and the token of somebody who may all."""
    with open_to_all(tmp_path_factory.mktemp("doors")) as (opened, headers):
        give_password(opened, ALMIGHTY)
        yield opened, headers


@pytest.fixture(scope="module")
def browser(app: tuple[FastAPI, dict[str, str]]) -> Browser:
    """Return the browser of somebody who may all."""
    return signed_in(app[0], ALMIGHTY)


def rows(database: Database) -> dict[str, list[object]]:
    """Return everything that the database holds, but for when something was last used."""
    with database.read() as connection:
        return {
            name: list(connection.execute(select(table)))
            for name, table in metadata.tables.items()
            if name not in LAST_USE
        }


def test_looking_changes_nothing(app: tuple[FastAPI, dict[str, str]], browser: Browser) -> None:
    """No GET, of a page or of the API, leaves another row than there was: a link on another site does nothing."""
    opened, headers = app
    before, answered = rows(opened.state.hub.database), 0
    for address in doors("GET"):
        for given in ({}, headers):
            answer = browser.client.get(address, headers=given)
            assert answer.status_code < 500, address
            answered += answer.status_code == 200
        after = rows(opened.state.hub.database)
        assert [name for name, held in after.items() if held != before[name]] == [], address
    assert answered > len(doors("GET")), "most doors answered, to the browser or to the token"


def test_looking_begins_no_second_factor(app: tuple[FastAPI, dict[str, str]]) -> None:
    """Signing in begins it where it is a must; its page only shows it, and asks who has none for the password."""
    database = app[0].state.hub.database
    add_account(database, Account("new", "", "", NOW, "test"))
    give_password(app[0], "new")
    new = Browser(app[0], [NOW])
    new.sign_in("new")
    relate_account(database, Relation("new", Role.AUDITOR, None, NOW), actor="test", now=NOW)
    before = rows(database)
    assert "Your password" in new.get("/account/second-factor").text
    assert rows(database) == before
    assert new.sign_in("new").headers["location"] == "/account/second-factor"
    before = rows(database)
    assert 'class="secret"' in new.get("/account/second-factor").text
    assert rows(database) == before


def test_no_other_site_reads_along(app: tuple[FastAPI, dict[str, str]]) -> None:
    """No answer lets another origin read it, whoever asks, nor does a preflight."""
    opened, headers = app
    client = TestClient(opened, follow_redirects=False)
    foreign = {"origin": "https://evil.test", "access-control-request-method": "POST"}
    for method in ("GET", "POST"):
        for address in doors(method):
            for given in ({}, headers if method == "GET" else {}):
                answer = client.request(method, address, headers={**foreign, **given})
                assert [name for name in answer.headers if name.startswith("access-control-")] == [], address
            preflight = client.options(address, headers=foreign)
            assert preflight.status_code == 405, address
            assert [name for name in preflight.headers if name.startswith("access-control-")] == [], address


@pytest.mark.parametrize("path", ["/", "/sign-in", "/api/v1/systems", "/static/hub.css", "/nowhere", "/livez"])
def test_over_tls_a_browser_is_told_to_come_back_so(app: tuple[FastAPI, dict[str, str]], path: str) -> None:
    """Whatever the answer; without TLS nothing of it is said, for that would be heeded by nobody."""
    for scheme, told in (("https", STRICT_TRANSPORT), ("http", None)):
        client = TestClient(app[0], base_url=f"{scheme}://hub.test", follow_redirects=False)
        assert client.get(path).headers.get("strict-transport-security") == told
