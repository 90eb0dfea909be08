"""Tokens of programs: what each is for, when it was used, and that one that was taken back is nobody's at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.cli import people as people_cli
from hub.config import Address, HubSettings
from hub.errors import InputError, UnknownSubjectError
from hub.rules.permissions import Role
from hub.services.manage_tokens import issue_token
from hub.store import audit_log
from tests.hub.making import JULY_AT, NOW
from tests.hub.programs import HOST
from tests.hub.reporting import SYSTEM, add_system
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import Browser, let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI
    from httpx2 import Response

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PEOPLE = {"sec": (Role.SECURITY_ADMIN, None), "bea": (Role.OPERATOR, None)}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with an operator, and somebody who manages accounts."""
    clock = [NOW]
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0)), now=lambda: clock[0])
    app.state.clock = clock
    database = app.state.hub.database
    add_system(database)
    let_in(app, PEOPLE, JULY_AT)
    return app


def ask(browser: Browser, token: str, path: str, body: object = None) -> Response:
    """Ask the API as a program: post where there is a body."""
    browser.client.cookies.clear()
    headers = {"authorization": f"Bearer {token}"}
    if body is None:
        return browser.client.get(f"/api/v1/{path}", headers=headers)
    return browser.client.post(f"/api/v1/{path}", json=body, headers=headers)


def test_a_token_does_what_it_is_for_and_nothing_else(app: FastAPI) -> None:
    """Less than the account, never more; and the refusal says so."""
    browser = Browser(app, app.state.clock)
    database = app.state.hub.database
    sec = issue_token(database, "sec", DAY_MS, actor="sec", now=NOW)
    made = ask(browser, sec, "accounts/bea/tokens", {"label": "billing", "scope": ["view_production"]})
    narrow = made.json()["token"]
    assert ask(browser, narrow, f"systems/{SYSTEM}").status_code == 200
    body = {"effective_on": "2017-01-01", "reason": "x"}
    refused = ask(browser, narrow, f"systems/{SYSTEM}/facts", body)
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        f"bea may not register system of system {SYSTEM} with this token: its scope is view production",
    )
    wide = ask(browser, sec, "accounts/bea/tokens", {}).json()["token"]
    assert ask(browser, wide, f"systems/{SYSTEM}/facts", body).status_code == 201
    beyond = ask(browser, sec, "accounts/bea/tokens", {"scope": ["manage_accounts"]}).json()["token"]
    assert ask(browser, beyond, "accounts").status_code == 403
    for scope in ([], ["fly"]):
        assert ask(browser, sec, "accounts/bea/tokens", {"scope": scope}).status_code == 422


def test_a_list_shows_when_each_was_used_and_takes_it_back(app: FastAPI) -> None:
    """At once, by its owner or by who manages accounts; with an entry of the audit log, and never the token itself."""
    browser = Browser(app, app.state.clock)
    database = app.state.hub.database
    sec, bea, other = (issue_token(database, name, DAY_MS, actor="sec", now=NOW) for name in ("sec", "bea", "bea"))
    app.state.clock[0] += 2 * HOUR_MS
    listed = ask(browser, bea, "accounts/bea/tokens").json()["tokens"]
    assert {one["used_at"] is None for one in listed} == {True, False}
    assert bea not in str(listed)
    used = next(one["token"] for one in listed if one["used_at"])
    unused = next(one["token"] for one in listed if not one["used_at"])
    assert ask(browser, bea, "accounts/sec/tokens").status_code == 403
    assert ask(browser, bea, f"accounts/bea/tokens/{unused}/end", {}).status_code == 204
    assert ask(browser, other, f"systems/{SYSTEM}").status_code == 401
    for _ in range(2):
        assert ask(browser, sec, f"accounts/bea/tokens/{used}/end", {}).status_code == 204
    assert ask(browser, bea, f"systems/{SYSTEM}").status_code == 401
    assert ask(browser, sec, "accounts/bea/tokens/nothing/end", {}).status_code == 404
    with database.read() as connection:
        told = audit_log.list_audit(connection, action="end token")
    assert [one.actor for one in told] == ["sec", "bea"]


def test_pages_make_show_and_take_back(app: FastAPI) -> None:
    """What is wrong keeps what was typed; the token is shown once; one's own stand on one's own page."""
    sec = signed_in(app, "sec")
    for wrong in (
        {"days": "0"},
        {"days": "367"},
        {"days": "0366999"},
        {"days": "ten"},
        {"scope": "fly"},
        {"label": ""},
    ):
        typed = {"label": "billing", "days": "90", "scope": "view_production", **wrong}
        refused = sec.send("/users/bea/tokens/new", **typed)
        assert (refused.status_code, 'aria-invalid="true"' in refused.text) == (422, True), wrong
    made = sec.send("/users/bea/tokens/new", label="billing", days="90", scope="view_production")
    (token,) = re.findall(r"<code>([\w-]{43})</code>", made.text)
    assert token not in sec.get("/users/bea").text
    bea = signed_in(app, "bea")
    page = bea.get("/account").text
    assert ("billing" in page, "view production" in page) == (True, True)
    (where,) = re.findall(r'action="(/users/bea/tokens/\w+/end)"', page)
    assert bea.send(where).headers["location"] == "/account"
    assert "taken back" in bea.get("/account").text
    assert sec.send(where).headers["location"] == "/users/bea"
    assert bea.send(where.replace("bea", "sec")).status_code == 403
    assert bea.get("/users/sec/tokens/new").status_code == 403


def test_the_command_line_does_the_same(app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong scope is one sentence that names the right ones."""
    line = Line(tmp_path / "hub", monkeypatch)
    monkeypatch.setattr(people_cli, "now_ms", lambda: NOW)
    token = line.say(
        "account", "token", "bea", "--scope", "view_production, view_missing", "--label", "billing"
    ).strip()
    assert ask(Browser(app, app.state.clock), token, f"systems/{SYSTEM}").status_code == 200
    with pytest.raises(InputError, match="'fly' is no action: name some of view_production"):
        line.say("account", "token", "bea", "--scope", "fly")
    (listed,) = line.ask("account", "tokens", "bea")["tokens"]
    assert (listed["scope"], listed["label"]) == (["view_missing", "view_production"], "billing")
    assert "billing" in line.say("account", "tokens", "bea")
    with pytest.raises(UnknownSubjectError, match="bea has no token"):
        line.say("account", "end-token", "bea", "x")
    assert "is taken back" in line.say("account", "end-token", "bea", listed["token"])
    assert "taken back" in line.say("account", "tokens", "bea")
