"""Links to set a password by mail: to whom they belong, once, and telling nobody which accounts there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.cli import people as people_cli
from hub.config import Address, HubSettings
from hub.errors import InputError, UnknownSubjectError
from hub.exchange.mail import SmtpMailer
from hub.rules.permissions import Role
from hub.services.disable_account import disable_account
from hub.services.manage_people import add_account
from hub.services.manage_tokens import issue_token
from hub.services.request_link import LINKS_AN_HOUR
from hub.services.send_dispatches import Delivery, Doors, send_dispatches
from hub.store import audit_log
from hub.store.accounts import Account
from tests.hub.mail_server import MailServer
from tests.hub.making import JULY_AT, NOW, fetch
from tests.hub.programs import HOST
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import PASSWORD, Browser, let_in, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

URL = "https://hub.example.org"
HOUR_MS = 3_600_000


@pytest.fixture
def server() -> Iterator[MailServer]:
    """Return a mail server."""
    with MailServer() as opened:
        yield opened


@pytest.fixture
def app(tmp_path: Path, server: MailServer) -> FastAPI:
    """Return a hub that sends mail, with somebody who manages accounts, and with Ann, whose account is new."""
    clock = [NOW]
    settings = HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0), mail=server.settings())
    app = build_app(settings, now=lambda: clock[0])
    app.state.clock = clock
    database = app.state.hub.database
    let_in(app, {"sec": (Role.SECURITY_ADMIN, None)}, JULY_AT)
    for name, address in (("ann", "Ann@Example.org"), ("nobody", "")):
        add_account(database, Account(name, name.title(), address, NOW, "test"))
    return app


def deliver(app: FastAPI, server: MailServer) -> Delivery:
    """Send what waits."""
    hub = app.state.hub
    with SmtpMailer(server.settings(), timeout_seconds=5) as mailer:
        return send_dispatches(hub.database, Doors(mailer, hub.webhooks, hub.sealer, URL), lambda: app.state.clock[0])


def token_of(server: MailServer) -> str:
    """Return the token in the last mail's link."""
    body = server.postbox.messages[-1].get_body(("plain",))
    assert body is not None
    (token,) = re.findall(rf"{URL}/welcome/([\w-]+)", body.get_content())
    return str(token)


def test_who_forgot_a_password_gets_a_link(app: FastAPI, server: MailServer) -> None:
    """By account or address, however it is spelt; the link is in the mail and nowhere else, and works once."""
    browser = Browser(app, app.state.clock)
    assert "/forgot" in browser.get("/sign-in").text
    for typed in ("ann", " ANN@example.ORG "):
        assert "on its way" in browser.send("/forgot", account=typed).text
        assert deliver(app, server) == Delivery(sent=1)
    assert [str(one["To"]) for one in server.postbox.messages] == ["Ann <Ann@Example.org>"] * 2
    token = token_of(server)
    database = app.state.hub.database
    kept = [fetch(database, "SELECT * FROM dispatch"), fetch(database, "SELECT * FROM audit_entry")]
    assert token not in str(kept)
    assert browser.send(f"/welcome/{token}", password=PASSWORD, again=PASSWORD).headers["location"] == "/sign-in"
    assert browser.sign_in("ann").status_code == 303
    assert browser.get(f"/welcome/{token}").status_code == 404


def test_nobody_learns_which_accounts_there_are(app: FastAPI, server: MailServer) -> None:
    """The answer is the same for one that is not there, one without an address, and one that was sent enough."""
    browser = Browser(app, app.state.clock)
    asked = [browser.send("/forgot", account=typed).text for typed in ("ann", "eve", "nobody", "' OR 1=1 --", "%")]
    assert len(set(asked)) == 1
    assert browser.send("/forgot", account=" ").status_code == 422
    for _ in range(LINKS_AN_HOUR + 2):
        assert browser.send("/forgot", account="ann").text == asked[0]
    delivery = deliver(app, server)
    assert (delivery.sent, len(server.postbox.messages)) == (LINKS_AN_HOUR, LINKS_AN_HOUR)
    assert "has no mail address" in delivery.warnings[0]
    app.state.clock[0] += HOUR_MS
    browser.send("/forgot", account="ann")
    assert deliver(app, server).sent == 1


def test_a_link_that_waited_for_a_day_is_not_sent(app: FastAPI, server: MailServer) -> None:
    """Whoever asked has asked again since."""
    Browser(app, app.state.clock).send("/forgot", account="ann")
    app.state.clock[0] += 24 * HOUR_MS
    assert deliver(app, server).sent == 0
    assert server.postbox.messages == []


def test_a_link_that_waited_while_its_account_was_disabled_is_not_sent(app: FastAPI, server: MailServer) -> None:
    """Asked for before, of no use now."""
    Browser(app, app.state.clock).send("/forgot", account="ann")
    disable_account(app.state.hub.database, "ann", actor="sec", now=NOW, reason="left")
    assert "the account is disabled" in deliver(app, server).warnings[0]
    assert server.postbox.messages == []


def test_who_manages_accounts_lets_somebody_in_and_sees_no_link(app: FastAPI, server: MailServer) -> None:
    """With an entry of the audit log; not without an address, nor again and again."""
    sec = signed_in(app, "sec")
    invited = sec.send("/users/ann/invite")
    assert "on its way to Ann@Example.org" in invited.text
    deliver(app, server)
    assert str(server.postbox.messages[0]["Subject"]) == "Your account at the hub that counts your meters"
    token = token_of(server)
    assert token not in invited.text
    assert sec.send("/users/nobody/invite").status_code == 422
    assert [sec.send("/users/ann/invite").status_code for _ in range(LINKS_AN_HOUR)] == [200, 200, 422]
    assert sec.send("/users/eve/invite").status_code == 404
    for name, says in (("ann", "Send it a link"), ("nobody", "meter-hub account link nobody")):
        page = sec.get(f"/users/{name}").text
        assert (says in page, f"/users/{name}/link" in page) == (True, False)
        refused = sec.send(f"/users/{name}/link")
        assert (refused.status_code, "have the link sent" in refused.text, "/welcome/" in refused.text) == (
            422,
            True,
            False,
        )
    with app.state.hub.database.read() as connection:
        assert audit_log.list_audit(connection, action="make password link", actor="sec") == ()
        told = audit_log.list_audit(connection, subject="ann", action="invite account")
    assert {one.actor for one in told} == {"sec"}


def test_the_api_and_the_command_line_do_the_same(
    app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: MailServer
) -> None:
    """With a token, and by who has the machine."""
    token = issue_token(app.state.hub.database, "sec", HOUR_MS, actor="test", now=NOW)
    client = Browser(app, app.state.clock).client
    headers = {"authorization": f"Bearer {token}"}
    assert client.post("/api/v1/accounts/ann/invitation", headers=headers).status_code == 202
    assert client.post("/api/v1/accounts/nobody/invitation", headers=headers).status_code == 422
    line = Line(tmp_path / "hub", monkeypatch)
    monkeypatch.setattr(people_cli, "now_ms", lambda: NOW)
    assert "waits for the running hub" in line.say("account", "invite", "ann")
    for name, error in (("nobody", InputError), ("eve", UnknownSubjectError)):
        with pytest.raises(error):
            line.say("account", "invite", name)
    assert deliver(app, server).sent == 2


def test_a_hub_without_mail_says_so(tmp_path: Path) -> None:
    """And whom to ask; nothing is queued that nobody sends."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0)), now=lambda: NOW)
    add_account(app.state.hub.database, Account("ann", "Ann", "ann@example.org", NOW, "test"))
    browser = Browser(app, [NOW])
    assert "/forgot" not in browser.get("/sign-in").text
    assert "sends no mail" in browser.get("/forgot").text
    assert "sends no mail" in browser.send("/forgot", account="ann").text
    assert fetch(app.state.hub.database, "SELECT count(*) FROM dispatch") == [(0,)]
