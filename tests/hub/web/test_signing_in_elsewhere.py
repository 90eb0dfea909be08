"""Signing in by another house's word: believed where all of it fits, and no session for anything else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest

from hub.app import build_app
from hub.cli.oidc_options import oidc_settings
from hub.config import Address, HubSettings, OidcSettings
from hub.errors import SettingsError
from hub.exchange import oidc
from hub.exchange.oidc import KEPT_MS, KEYS_AGAIN_MS
from hub.rules.permissions import Role
from hub.services.sign_in_elsewhere import FRESH_MS
from hub.store import audit_log
from hub.web.pages.signing_in_elsewhere import AWAY_MS
from simulators.identity_provider import IdentityProvider, Lie
from tests.hub.making import JULY_AT, NOW, fetch
from tests.hub.programs import HOST
from tests.hub.reporting import SYSTEM, add_system
from tests.hub.web.acting import Browser, let_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from httpx2 import Response

PEOPLE = {"ann": (Role.SYSTEM_OWNER, SYSTEM), "olga": (Role.OPERATOR, None), "bo": (Role.SYSTEM_OWNER, SYSTEM)}


class _Stay(HTTPRedirectHandler):
    def http_error_302(self, *args: object) -> object:
        """Return the redirect instead of following it."""
        return args[1]


@pytest.fixture
def clock() -> list[int]:
    """Return the time, to be moved."""
    return [NOW]


@pytest.fixture
def provider(clock: list[int]) -> Iterator[IdentityProvider]:
    """Return another house."""
    with IdentityProvider(lambda: clock[0]) as opened:
        yield opened


@pytest.fixture
def app(tmp_path: Path, provider: IdentityProvider, clock: list[int]) -> FastAPI:
    """Return a hub that takes its word, with people."""
    secret = tmp_path / "secret"
    secret.write_text(provider.secret)
    secret.chmod(0o600)
    oidc = OidcSettings(provider.issuer, provider.client, secret, "the town's directory")
    settings = HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0), oidc=oidc)
    app = build_app(settings, now=lambda: clock[0])
    database = app.state.hub.database
    add_system(database)
    let_in(app, PEOPLE, JULY_AT)
    return app


@pytest.fixture
def browser(app: FastAPI, clock: list[int]) -> Browser:
    """Return a browser that nobody has signed in with."""
    return Browser(app, clock)


def there(away: Response) -> str:
    """Follow a browser to the other house, and return with which address it sends it back."""
    assert away.status_code == 303, away.text
    with build_opener(_Stay).open(away.headers["location"], timeout=10) as answer:
        assert answer.status == 302, answer.read()
        back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


def through(browser: Browser, path: str = "/sign-in/elsewhere") -> Response:
    """Go there and back."""
    return browser.get(there(browser.get(path)))


def linked(browser: Browser, who: str = "ann") -> Browser:
    """Link somebody who has just signed in with their password, and sign them out."""
    browser.sign_in(who)
    if who == "olga":
        browser.enrol(who)
    assert through(browser, "/account/elsewhere").headers["location"] == "/account"
    browser.send("/sign-out")
    return browser


def sessions(app: FastAPI) -> int:
    """Return how many sessions there are."""
    return int(str(fetch(app.state.hub.database, "SELECT count(*) FROM web_session WHERE ended_at IS NULL")[0][0]))


def test_who_linked_themselves_signs_in_there(browser: Browser, app: FastAPI, provider: IdentityProvider) -> None:
    """And comes back to where they wanted; the question carries a state, a nonce and PKCE, and its cookie is gone."""
    assert "Sign in with the town&#39;s directory" in browser.get("/sign-in").text
    linked(browser)
    away = browser.get("/sign-in/elsewhere?next=%2Fcertificates")
    asked = parse_qs(urlsplit(away.headers["location"]).query)
    assert (asked["code_challenge_method"], asked["scope"], len(asked["nonce"][0]) > 40) == (["S256"], ["openid"], True)
    back = browser.get(there(away))
    assert (back.status_code, back.headers["location"]) == (303, "/certificates")
    assert "elsewhere" not in browser.client.cookies
    page = browser.get("/account").text
    assert (f"{provider.subject} of {provider.issuer}" in page, "Take these links away" in page) == (True, True)
    with app.state.hub.database.read() as connection:
        told = [one.action for one in audit_log.list_audit(connection, actor="ann")]
    assert told.count("link identity") == 1
    assert told[0] == "sign in"


def test_who_is_linked_with_nobody_is_nobody_here(browser: Browser, app: FastAPI) -> None:
    """No account is made; the sentence says what to do."""
    back = through(browser)
    assert (back.status_code, "link it on the page of your account" in back.text) == (401, True)
    assert (sessions(app), browser.get("/account").status_code) == (0, 303)


@pytest.mark.parametrize("lie", list(Lie), ids=lambda lie: lie.name.lower())
def test_nothing_that_does_not_fit_is_believed(
    browser: Browser,
    app: FastAPI,
    provider: IdentityProvider,
    lie: Lie,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is wrong with it: one sentence, no session, and the truth is believed again afterwards."""
    linked(browser)
    before = sessions(app)
    path = there(browser.get("/sign-in/elsewhere"))
    if lie is Lie.OTHER_NAME:
        browser.clock[0] += KEPT_MS
        provider.lie = lie
        refused = browser.get("/sign-in/elsewhere")
    else:
        provider.lie = lie
        with monkeypatch.context() as patch:
            if lie is Lie.DRIPPING:
                patch.setattr(oidc, "TIMEOUT_SECONDS", 0.5)
            refused = browser.get(path)
    assert refused.status_code == 401, refused.text
    assert "the town" in refused.text
    assert sessions(app) == before
    provider.lie = None
    assert through(browser).status_code == 303


def test_a_staff_member_still_shows_their_second_factor(browser: Browser, provider: IdentityProvider) -> None:
    """Unless they showed more than a password there."""
    linked(browser, "olga")
    assert through(browser).headers["location"].startswith("/sign-in/code")
    provider.amr = ("pwd", "mfa")
    assert through(browser).headers["location"] == "/"


def test_an_answer_is_for_the_browser_that_asked(browser: Browser, app: FastAPI, clock: list[int]) -> None:
    """Not for another one, not twice, not later, and not one that was made up."""
    linked(browser)
    before = sessions(app)
    path = there(browser.get("/sign-in/elsewhere"))
    victim = Browser(app, clock)
    assert "began in another browser" in victim.get(path).text
    victim.get("/sign-in/elsewhere")
    assert "another browser&#39;s question" in victim.get(path).text
    clock[0] += AWAY_MS
    assert "took too long" in browser.get(path).text
    again = there(browser.get("/sign-in/elsewhere"))
    assert browser.get(again).status_code == 303
    assert browser.get(again).status_code == 401
    for wrong in ("?state=x&code=y", "", "?error=access_denied", "?state=" + "x" * 400, "?state=%C3%A9&code=y"):
        browser.get("/sign-in/elsewhere")
        assert browser.get(f"/sign-in/elsewhere/back{wrong}").status_code == 401
    assert sessions(app) == before + 1


def test_a_code_is_no_key_to_another_s_question(browser: Browser, app: FastAPI, clock: list[int]) -> None:
    """Somebody else's code under one's own state fails at the other house: it belongs to another verifier."""
    linked(browser)
    mine, theirs = there(browser.get("/sign-in/elsewhere")), there(Browser(app, clock).get("/sign-in/elsewhere"))
    state = parse_qs(urlsplit(mine).query)["state"][0]
    code = parse_qs(urlsplit(theirs).query)["code"][0]
    assert browser.get(f"/sign-in/elsewhere/back?state={state}&code={code}").status_code == 401


def test_nobody_is_led_out_of_the_hub(browser: Browser) -> None:
    """Whatever address a link names."""
    linked(browser)
    for target in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        assert through(browser, f"/sign-in/elsewhere?next={target}").headers["location"] == "/"


def test_only_who_signed_in_just_now_links_themselves(
    browser: Browser, app: FastAPI, clock: list[int], provider: IdentityProvider
) -> None:
    """And one identity is one account; whoever takes the link away is asked for the password again."""
    linked(browser)
    other = Browser(app, clock)
    other.sign_in("bo")
    assert "linked with another account" in through(other, "/account/elsewhere").text
    provider.subject = "bo@elsewhere"
    path = there(other.get("/account/elsewhere"))
    other.sign_in("ann")
    assert "somebody else by now" in other.get(path).text
    other.sign_in("bo")
    clock[0] += FRESH_MS + 1
    assert other.get("/account/elsewhere").headers["location"] == "/sign-in?next=%2Faccount%2Felsewhere"
    provider.subject = "ann@elsewhere"
    assert through(browser).status_code == 303
    assert browser.send("/account/elsewhere/forget").headers["location"] == "/account"
    assert browser.send("/account/elsewhere/forget").status_code == 404
    browser.send("/sign-out")
    assert through(browser).status_code == 401


def test_keys_are_looked_up_anew_when_they_change(
    browser: Browser, provider: IdentityProvider, clock: list[int]
) -> None:
    """Once a minute at most: nobody makes the hub ask more often by tokens that it does not know."""
    linked(browser)
    assert through(browser).status_code == 303
    provider.rotate()
    assert through(browser).status_code == 401
    clock[0] += KEYS_AGAIN_MS
    assert through(browser).status_code == 303
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    assert provider.asked.count("/keys") == 2


def test_a_hub_without_another_house(tmp_path: Path) -> None:
    """There is no such door."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0)), now=lambda: NOW)
    browser = Browser(app, [NOW])
    assert "Sign in with" not in browser.get("/sign-in").text
    assert browser.get("/sign-in/elsewhere").status_code == 404
    assert browser.get("/sign-in/elsewhere/back").status_code == 401


def test_settings_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """In a sentence; secrets go by TLS, but on this machine."""
    assert oidc_settings("", "x", None, "") is None
    with pytest.raises(SettingsError, match="give both"):
        oidc_settings("https://id.example.org", "hub", None, "")
    with pytest.raises(SettingsError, match="unprotected"):
        oidc_settings("http://id.example.org", "hub", Path("secret"), "")
    found = oidc_settings("https://id.example.org/realm", "hub", Path("secret"), "")
    assert found is not None
    assert found.name == "id.example.org"
    with pytest.raises(SettingsError, match="cannot be read"):
        build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0), oidc=found))
