"""A form whose session had ended: signing in carries what was typed, and who typed it sends it again."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from hub.access.codes import STEP_MS
from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.facts import ReportingMode
from hub.rules.permissions import Role
from hub.store import accounts
from hub.web.resuming import KEPT_MAX, Resumed, read_kept
from tests.hub.reporting import JAN, SYSTEM, add_meter, add_system
from tests.hub.web.acting import PASSWORD, Browser, let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

NOW = JAN.ends_at
DAY_MS = 86_400_000
NEW = {"account": "ida", "full_name": "Ida <Ray>", "email": "ida@example.org"}
FORM = "http://hub.test/users/new?from=list"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a closed hub with Ann, who reports a system, and Sec, who manages accounts."""
    clock = [NOW]
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0)), now=lambda: clock[0])
    app.state.clock = clock
    database = app.state.hub.database
    add_system(database, reporting_mode=ReportingMode.MANUAL)
    add_meter(database)
    let_in(app, {"ann": (Role.REPORTER, SYSTEM), "sec": (Role.SECURITY_ADMIN, None)}, JAN.starts_at)
    return app


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of a page."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def send_late(browser: Browser, path: str, fields: dict[str, str], referer: str = FORM) -> str:
    """Send a form after the session has ended, and return the page that comes back."""
    browser.clock[0] += DAY_MS
    headers = {"sec-fetch-site": "same-origin", "referer": referer}
    answer = browser.client.post(path, data=fields, headers=headers)
    assert answer.status_code == 401
    return answer.text


def test_what_was_typed_comes_through_signing_in_with_a_code(app: FastAPI) -> None:
    """Also past a wrong password and a wrong code; nothing is done before it is sent again."""
    sec = signed_in(app, "sec")
    page = send_late(sec, "/users/new", NEW)
    assert "Sign in, and what you typed is here to be sent" in page
    assert hidden(page)["next"] == "/users/new?from=list"
    carried = hidden(sec.send("/sign-in", account="sec", password=PASSWORD[1:], **hidden(page)).text)
    asked = sec.send("/sign-in", account="sec", password=PASSWORD, **carried)
    assert (asked.status_code, "Code that your phone shows" in asked.text) == (200, True)
    carried = hidden(sec.send("/sign-in/code", code="000000", **hidden(asked.text)).text)
    shown = sec.send("/sign-in/code", code=sec.code("sec"), **carried)
    assert "Ida &lt;Ray&gt;" in shown.text
    assert 'href="/users/new?from=list"' in shown.text
    with app.state.hub.database.read() as connection:
        assert accounts.find_account(connection, "ida") is None
    assert re.findall(r'method="post" action="([^"]+)"', shown.text) == ["/users/new"]
    assert hidden(shown.text) == NEW
    assert sec.send("/users/new", **hidden(shown.text)).headers["location"] == "/users/ida"


def test_a_reading_with_a_photo_comes_through_without_it(app: FastAPI) -> None:
    """The fields do, and the page says that a file does not."""
    ann = signed_in(app, "ann")
    ann.clock[0] += DAY_MS
    path, typed = f"/systems/{SYSTEM}/report", {"kwh": "1015.5", "at": "2024-01-31T15:00"}
    late = ann.client.post(path, data=typed, files={"file": ("dial.jpg", b"a picture")})
    shown = ann.send("/sign-in", account="ann", password=PASSWORD, **hidden(late.text))
    assert "a file is not kept" in shown.text
    assert hidden(shown.text) == typed
    assert "kwh=1015.5" in ann.send(path, **hidden(shown.text)).headers["location"]


def test_a_session_that_lacks_its_code_is_asked_for_it(app: FastAPI) -> None:
    """And what was typed comes along; one that lacks a second factor begins it first."""
    sec = Browser(app, app.state.clock)
    sec.sign_in("sec")
    begun = sec.send("/users/new", **NEW)
    assert (begun.status_code, begun.headers["location"]) == (303, "/account/second-factor")
    sec.enrol("sec")
    sec.send("/sign-out")
    sec.clock[0] += STEP_MS
    sec.sign_in("sec")
    asked = sec.send("/users/new", **NEW)
    assert (asked.status_code, "Code that your phone shows" in asked.text) == (401, True)
    shown = sec.send("/sign-in/code", code=sec.code("sec"), **hidden(asked.text))
    assert hidden(shown.text) == NEW


def test_what_one_signs_in_with_is_not_carried(app: FastAPI) -> None:
    """Neither a password nor a code stands in the page."""
    ann = Browser(app, app.state.clock)
    fields = {"email": "ann@new.test", "password": PASSWORD, "new": PASSWORD, "again": PASSWORD, "code": "123456"}
    page = html.unescape(send_late(ann, "/account/email", fields))
    assert "ann@new.test" in page
    assert PASSWORD not in page
    assert "123456" not in page


def test_too_much_is_not_carried(app: FastAPI) -> None:
    """The page leads back to the form instead."""
    ann = Browser(app, app.state.clock)
    page = send_late(ann, "/users/new", {"full_name": "x" * KEPT_MAX})
    assert "begin the form anew" in page
    assert hidden(page) == {"next": "/users/new?from=list"}
    sent = ann.send("/sign-in", account="ann", password=PASSWORD, **hidden(page))
    assert sent.headers["location"] == "/users/new?from=list"


@pytest.mark.parametrize("referer", ["", "https://evil.test/users/new", "//evil.test", "http://hub.test//evil.test"])
def test_the_way_back_stays_in_this_hub(app: FastAPI, referer: str) -> None:
    """Whatever the browser says that it comes from."""
    assert hidden(send_late(Browser(app, app.state.clock), "/users/new", NEW, referer))["next"] == "/"


@pytest.mark.parametrize(
    "kept", ["", "{", "[]", "null", "{}", '{"action":1,"fields":[]}', '{"action":"/x","fields":[1]}', '{"action":"/x"}']
)
def test_what_carries_no_form_is_none(app: FastAPI, kept: str) -> None:
    """Signing in goes on as without it."""
    assert read_kept(kept) is None
    assert (
        Browser(app, app.state.clock).send("/sign-in", account="ann", password=PASSWORD, kept=kept).status_code == 303
    )


def test_no_form_leads_elsewhere() -> None:
    """It is sent to this hub, or to its first page."""
    assert read_kept('{"action":"https://evil.test/","fields":[["a","b"]]}') == Resumed("/", (("a", "b"),))
