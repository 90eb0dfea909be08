"""Signing in as a browser does it: cookies, redirects, forms that come back, second factors, and what is closed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.access.codes import SECRET_BYTES, STEP_MS
from hub.access.throttle import FREE_FAILURES
from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.permissions import Role
from hub.services.manage_people import add_account
from hub.services.set_password import make_link, take_factor
from hub.services.sign_in import open_secret
from hub.store import audit_log, sign_ins
from hub.store.accounts import Account
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_system
from tests.hub.web.acting import PASSWORD, Browser, give_password, let_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

START = JAN.ends_at
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a closed hub with an owner, an operator, and one who is nothing yet."""
    clock = [START]
    settings = HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0))
    app = build_app(settings, now=lambda: clock[0])
    app.state.clock = clock
    database = app.state.hub.database
    for pts_id in (SYSTEM, OTHER):
        add_system(database, pts_id)
    let_in(app, {"ann": (Role.SYSTEM_OWNER, SYSTEM), "bea": (Role.OPERATOR, None)}, START)
    add_account(database, Account("cy", "Cy", "", START, "test"))
    give_password(app, "cy")
    return app


@pytest.fixture
def browser(app: FastAPI) -> Iterator[Browser]:
    """Return a browser there."""
    opened = Browser(app, app.state.clock)
    with opened.client:
        yield opened


def test_who_is_not_known_is_asked_and_taken_back_to_where_they_were(browser: Browser) -> None:
    """A page sends them to the form and the form back; the API says 401."""
    asked = browser.get(f"/systems/{SYSTEM}?month=2024-01")
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        f"/sign-in?next=%2Fsystems%2F{SYSTEM}%3Fmonth%3D2024-01",
    )
    form = browser.get(asked.headers["location"])
    assert f'value="/systems/{SYSTEM}?month=2024-01"' in form.text
    done = browser.sign_in("ann", target=f"/systems/{SYSTEM}?month=2024-01")
    assert (done.status_code, done.headers["location"]) == (303, f"/systems/{SYSTEM}?month=2024-01")
    assert browser.get(done.headers["location"]).status_code == 200
    assert browser.get("/api/v1/systems").json()["systems"][0]["system"] == SYSTEM
    browser.client.cookies.clear()
    assert browser.get("/api/v1/systems").status_code == 401


def test_an_owner_sees_their_own_and_nothing_of_others(browser: Browser) -> None:
    """Neither pages nor API, nor the list, nor what changes."""
    browser.sign_in("ann")
    assert browser.get(f"/systems/{OTHER}").status_code == 403
    assert browser.get(f"/api/v1/systems/{OTHER}/months").status_code == 403
    assert [one["system"] for one in browser.get("/api/v1/systems").json()["systems"]] == [SYSTEM]
    assert browser.get("/api/v1/devices").status_code == 403
    home = browser.get("/")
    assert (home.status_code, home.headers["location"]) == (303, "/mine")
    listed = browser.get("/systems").text
    assert SYSTEM in listed
    assert OTHER not in listed


@pytest.mark.parametrize("path", ["/sign-in", "/forgot"])
def test_a_form_without_its_fields_comes_back(browser: Browser, path: str) -> None:
    """Whatever was sent: no sentence of the framework's reaches a person."""
    for fields in ({}, {"account": "x" * 300, "password": "x" * 300}, {"other": "x"}):
        answer = browser.send(path, **fields)
        assert (answer.status_code in {200, 422}, "<form" in answer.text or "sends no mail" in answer.text) == (
            True,
            True,
        )
        assert all(words not in answer.text for words in ("String should", "Field required", "Input should"))


def test_a_form_with_more_than_is_taken_is_refused_in_plain_words(browser: Browser) -> None:
    """Whether one field is too long or there are too many, the sentence is ours."""
    for fields in ({"account": "x" * ((1 << 20) + 1)}, {f"f{number}": "" for number in range(2_000)}):
        answer = browser.client.post("/sign-in", files={name: (None, text) for name, text in fields.items()})
        assert (answer.status_code, "go back, shorten it, and send it again" in answer.text) == (400, True)


@pytest.mark.parametrize(("account", "password"), [("ann", "wrong words in a row"), ("nobody", PASSWORD), ("", "")])
def test_what_does_not_belong_together_is_told_alike(browser: Browser, account: str, password: str) -> None:
    """The name stays in the form, the password does not, and nothing says which of both is wrong."""
    answer = browser.sign_in(account, password)
    assert answer.status_code == 422
    if account:
        assert "do not belong together" in answer.text
        assert f'value="{account}"' in answer.text
    assert "set-cookie" not in answer.headers
    assert not password or password not in answer.text


def test_guessing_takes_longer_each_time_and_locks_nobody_out(browser: Browser) -> None:
    """After a few tries even the right password waits; a while later it signs in."""
    for _ in range(FREE_FAILURES):
        assert browser.sign_in("ann", "wrong words in a row").status_code == 422
    waiting = browser.sign_in("ann")
    assert (waiting.status_code, waiting.headers["retry-after"]) == (429, "2")
    assert "wait 2 seconds" in waiting.text
    browser.clock[0] += 2_000
    assert browser.sign_in("ann").status_code == 303
    assert browser.sign_in("ann", "wrong words in a row").status_code == 422


def test_staff_sign_in_with_a_second_factor(browser: Browser) -> None:
    """It is a must: before it they see nothing; a code counts once, a recovery code too."""
    begun = browser.sign_in("bea", target="/")
    assert begun.headers["location"] == "/account/second-factor"
    assert browser.get("/").headers["location"] == "/account/second-factor"
    assert browser.get("/api/v1/devices").status_code == 401
    codes = browser.enrol("bea")
    assert len(codes) == 8
    assert browser.get("/").status_code == 200
    browser.send("/sign-out")
    assert browser.get("/").status_code == 303
    browser.clock[0] += STEP_MS
    assert browser.sign_in("bea", target="/").headers["location"] == "/sign-in/code?next=%2F"
    assert browser.send("/account/second-factor", code=browser.code("bea")).headers["location"] == "/sign-in"
    wrong = browser.send("/sign-in/code", code="000000", next="/")
    assert (wrong.status_code, "not the one that is shown now" in wrong.text) == (422, True)
    code = browser.code("bea")
    assert browser.send("/sign-in/code", code=code, next="/").headers["location"] == "/"
    assert browser.get("/").status_code == 200
    other = Browser(browser.client.app, browser.clock)  # type: ignore[arg-type]
    other.sign_in("bea", target="/")
    assert other.send("/sign-in/code", code=code).status_code == 422
    assert other.send("/sign-in/code", code=codes[0].upper()).status_code == 303
    again = Browser(browser.client.app, browser.clock)  # type: ignore[arg-type]
    again.sign_in("bea", target="/")
    assert again.send("/sign-in/code", code=codes[0]).status_code == 422


def test_a_lost_phone_is_forgotten_by_another(browser: Browser) -> None:
    """Then sessions end, and a new factor begins."""
    browser.sign_in("bea")
    browser.enrol("bea")
    take_factor(browser.database, "bea", actor="cli:root", now=browser.clock[0], reason="phone lost")
    assert browser.get("/account").status_code == 303
    assert browser.sign_in("bea").headers["location"] == "/account/second-factor"


def test_an_owner_may_have_a_second_factor(browser: Browser) -> None:
    """Once it is there it is asked for."""
    browser.sign_in("ann")
    browser.enrol("ann")
    assert "On." in browser.get("/account").text
    assert browser.get("/account/second-factor").headers["location"] == "/account"
    browser.send("/sign-out")
    assert browser.sign_in("ann").headers["location"].startswith("/sign-in/code")


def test_sessions_end_by_time(browser: Browser) -> None:
    """Staff's after half an hour unused, others' after twelve hours; use makes them last, but not for ever."""
    browser.sign_in("bea")
    browser.enrol("bea")
    browser.clock[0] += 29 * MINUTE_MS
    assert browser.get("/").status_code == 200
    browser.clock[0] += 29 * MINUTE_MS
    assert browser.get("/").status_code == 200
    browser.clock[0] += 30 * MINUTE_MS
    assert browser.get("/").status_code == 303
    browser.sign_in("ann")
    for _ in range(60):
        browser.clock[0] += 12 * HOUR_MS - 1
        assert browser.get("/account").status_code == 200
    browser.clock[0] += HOUR_MS
    assert browser.get("/account").status_code == 303


def test_a_page_that_goes_on_by_itself_is_no_use_of_a_session(browser: Browser) -> None:
    """A screen that somebody left behind shows nothing after half an hour, however often it asks."""
    browser.sign_in("bea")
    browser.enrol("bea")
    for _ in range(29):
        browser.clock[0] += MINUTE_MS
        assert browser.get("/", **{"x-fragment": "fleet"}).status_code == 200
    browser.clock[0] += MINUTE_MS
    assert browser.get("/", **{"x-fragment": "fleet"}).status_code == 303


def test_one_ends_ones_own_sessions_and_no_others(browser: Browser) -> None:
    """On another machine for instance; the token of one that ended is nobody's."""
    browser.sign_in("ann")
    elsewhere = Browser(browser.client.app, browser.clock)  # type: ignore[arg-type]
    elsewhere.sign_in("ann")
    stranger = Browser(browser.client.app, browser.clock)  # type: ignore[arg-type]
    stranger.sign_in("cy")
    (number,) = re.findall(r"/account/sessions/(\d+)/end", browser.get("/account").text)
    assert stranger.send(f"/account/sessions/{number}/end").status_code == 404
    assert elsewhere.get("/account").status_code == 200
    assert browser.send(f"/account/sessions/{number}/end").headers["location"] == "/account"
    assert elsewhere.get("/account").status_code == 303
    assert browser.get("/account").status_code == 200


def test_a_new_token_comes_with_each_signing_in(browser: Browser) -> None:
    """What somebody planted before is worth nothing after."""
    browser.client.cookies.set("session", "planted")
    browser.sign_in("ann")
    first = browser.client.cookies.get("session", domain="hub.test") or browser.client.cookies["session"]
    assert first != "planted"
    with browser.database.read() as connection:
        assert all(first not in str(one) for one in sign_ins.list_sessions(connection, "ann"))


@pytest.mark.parametrize(
    ("base", "name", "flags"),
    [
        ("http://hub.test", "session", {"HttpOnly", "SameSite=lax", "Path=/"}),
        ("https://hub.test", "__Host-session", {"HttpOnly", "SameSite=lax", "Path=/", "Secure"}),
    ],
)
def test_the_cookie_is_kept_from_scripts_and_other_sites(app: FastAPI, base: str, name: str, flags: set[str]) -> None:
    """And over TLS from every unprotected connection."""
    with Browser(app, app.state.clock, base).client as client:
        answer = client.post("/sign-in", data={"account": "ann", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert flags == {part.strip() for part in cookie.split(";")[1:] if "Age" not in part}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 303),
        ({"origin": "https://elsewhere.test"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://hub.test"}, 303),
        ({}, 303),
    ],
)
def test_what_another_site_sends_is_refused(browser: Browser, headers: dict[str, str], status: int) -> None:
    """Before its cookie is read; a program sends neither header."""
    browser.sign_in("ann")
    answer = browser.client.post("/sign-out", headers=headers)
    assert answer.status_code == status
    assert browser.get("/account").status_code == (200 if status == 403 else 303)


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test/", "/\\evil.test", "javascript:alert(1)", "evil"]
)
def test_nobody_is_led_elsewhere(browser: Browser, target: str) -> None:
    """Whatever a link says."""
    assert browser.sign_in("ann", target=target).headers["location"] == "/"
    assert 'href="/"' in browser.client.get("/sign-in", params={"next": target}).text


def test_a_link_sets_a_password_once(browser: Browser) -> None:
    """A wrong one comes back with what is wrong; then the link is void, and the sessions before have ended."""
    browser.sign_in("cy")
    link = make_link(browser.database, "cy", actor="cli:root", now=START)
    path = f"/welcome/{link}"
    assert "<strong>cy</strong>" in browser.get(path).text
    for fields, says in (
        ({"password": "short", "again": "short"}, "at least 12"),
        ({"password": "one two three four", "again": "one two three five"}, "differ"),
    ):
        answer = browser.send(path, **fields)
        assert (answer.status_code, says in answer.text) == (422, True)
        assert fields["password"] not in answer.text
    assert browser.get("/account").status_code == 200
    another = "one two three four"
    assert browser.send(path, password=another, again=another).status_code == 303
    assert browser.get("/account").status_code == 303
    assert browser.get(path).status_code == 404
    assert browser.sign_in("cy").status_code == 422
    assert browser.sign_in("cy", another).status_code == 303


def test_a_link_is_void_after_the_next_one_or_three_days(browser: Browser) -> None:
    """Whoever found an old mail has nothing."""
    first = make_link(browser.database, "cy", actor="test", now=START)
    second = make_link(browser.database, "cy", actor="test", now=START)
    assert browser.get(f"/welcome/{first}").status_code == 404
    browser.clock[0] += 72 * HOUR_MS - 1
    assert browser.get(f"/welcome/{second}").status_code == 200
    browser.clock[0] += 1
    assert browser.get(f"/welcome/{second}").status_code == 404


def test_the_log_has_who_signed_in_and_no_secret(browser: Browser) -> None:
    """Signing in, out, the factor and the password are told; none of what is secret."""
    browser.sign_in("bea")
    codes = browser.enrol("bea")
    browser.send("/sign-out")
    with browser.database.read() as connection:
        entries = [one for one in audit_log.iterate_audit(connection) if one.subject == "bea"]
    actions = [one.action for one in entries]
    assert actions[-4:] == ["sign in", "confirm second factor", "sign in", "sign out"]
    assert all(secret not in str(entries) for secret in (PASSWORD, codes[0].replace("-", "")))


def test_the_secret_of_a_second_factor_is_kept_sealed(browser: Browser, app: FastAPI) -> None:
    """Whoever has the database alone has no code of it; one that was kept as it is before still opens the door."""
    browser.sign_in("bea")
    browser.enrol("bea")
    database, sealer = app.state.hub.database, app.state.hub.sealer
    with database.read() as connection:
        kept = sign_ins.find_factor(connection, "bea")
    assert kept is not None
    secret = open_secret(sealer, kept)
    assert (len(secret), secret in kept.secret) == (SECRET_BYTES, False)
    with database.write() as connection:
        sign_ins.save_factor(connection, replace(kept, secret=secret, last_step=0), START)
    app.state.clock[0] += STEP_MS
    browser.send("/sign-out")
    browser.sign_in("bea")
    assert browser.send("/sign-in/code", code=browser.code("bea")).headers["location"] == "/"
