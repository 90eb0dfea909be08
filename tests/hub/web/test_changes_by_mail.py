"""A change of the way into an account is told by mail: to the address that it had, whoever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.exchange.oidc import Identity
from hub.rules.instants import format_instant
from hub.services.manage_people import add_account
from hub.services.request_link import LINKS_AN_HOUR
from hub.services.send_dispatches import Delivery, Doors, send_dispatches
from hub.services.set_password import make_link, set_password, take_factor
from hub.services.sign_in_elsewhere import link_identity, unlink_identities
from hub.store.accounts import Account
from tests.hub.making import NOW, fetch
from tests.hub.web.acting import PASSWORD, Browser
from tests.hub.web.test_links_by_mail import URL, app, deliver, server

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.hub.mail_server import MailServer

__all__ = ["app", "server"]
ANOTHER = "other words in no order"


@pytest.fixture
def sec(app: FastAPI) -> Browser:
    """Return the browser of somebody who is signed in with a second factor."""
    browser = Browser(app, app.state.clock)
    browser.sign_in("sec")
    browser.enrol("sec")
    return browser


def words_of(server: MailServer) -> list[tuple[str, str, str]]:
    """Return of each mail to whom it went, what it is about, and what it says."""
    said = []
    for one in server.postbox.messages:
        body = one.get_body(("plain",))
        assert body is not None
        said.append((str(one["To"]), str(one["Subject"]), body.get_content()))
    return said


def test_one_is_told_at_the_address_that_one_had(app: FastAPI, server: MailServer, sec: Browser) -> None:
    """Of another password, another address and a factor that is gone, each once, with what to do if it was not them."""
    assert sec.send("/account/password", password=PASSWORD, new=ANOTHER, again=ANOTHER).status_code == 303
    for _ in range(2):
        assert sec.send("/account/email", email="sec@new.test", password=ANOTHER).status_code == 303
    take_factor(app.state.hub.database, "sec", actor="olga", now=NOW, reason="the phone is lost")
    assert deliver(app, server).sent == 3
    mails = words_of(server)
    assert [(to, subject) for to, subject, _ in mails] == [
        ("Sec <sec@example.org>", "The password of your account was changed"),
        ("Sec <sec@example.org>", "The mail address of your account was changed"),
        ("Sec <sec@new.test>", "The second factor of your account was changed"),
    ]
    assert all("If it was not" in text and "account sec at" in text for *_, text in mails)
    # A link that is asked for now would go to the address that whoever it was has set.
    assert [f"{URL}/forgot" in text for *_, text in mails] == [True, False, True]
    assert PASSWORD not in str(mails)
    html = server.postbox.messages[0].get_body(("html",))
    assert html is not None
    assert f'<a href="{URL}/forgot">' in html.get_content()


def test_a_sign_in_elsewhere_is_told_of(app: FastAPI, server: MailServer) -> None:
    """Once it is linked, and once it is taken away; linked again it is no change."""
    database = app.state.hub.database
    identity = Identity("https://town.example", "4711", has_mfa=False)
    for _ in range(2):
        link_identity(database, "ann", identity, NOW)
    unlink_identities(database, "ann", actor="sec", now=NOW)
    assert deliver(app, server).sent == 2
    assert [(to, subject) for to, subject, _ in words_of(server)] == [
        ("Ann <Ann@Example.org>", "The sign-in elsewhere of your account was changed")
    ] * 2


def test_a_first_password_is_no_change_and_a_second_is(app: FastAPI, server: MailServer) -> None:
    """Whoever was let in knows; a link that somebody else had sent is told of. Nobody without an address is."""
    database = app.state.hub.database
    add_account(database, Account("silent", "", "", NOW, "test"))
    for name in ("ann", "silent"):
        for _ in range(2):
            set_password(database, make_link(database, name, actor="test", now=NOW), PASSWORD, NOW)
    assert deliver(app, server).sent == 1
    ((to, subject, _),) = words_of(server)
    assert (to, subject) == ("Ann <Ann@Example.org>", "The password of your account was changed")


def test_a_hub_that_sends_no_mail_keeps_none_to_send(app: FastAPI, sec: Browser) -> None:
    """Nothing waits for days and is given up then, as if somebody had failed."""
    hub = app.state.hub
    assert sec.send("/account/password", password=PASSWORD, new=ANOTHER, again=ANOTHER).status_code == 303
    assert fetch(hub.database, "SELECT kind FROM dispatch") == [("changed",)]
    assert send_dispatches(hub.database, Doors(None, hub.webhooks, hub.sealer), lambda: NOW) == Delivery()
    assert fetch(hub.database, "SELECT count(*) FROM dispatch") == [(0,)]


def test_what_is_told_is_no_link(app: FastAPI, server: MailServer, sec: Browser) -> None:
    """Who changed a password often is still sent a link, and what is told too late to be of use is not."""
    for old, new in ((PASSWORD, ANOTHER), (ANOTHER, PASSWORD)) * LINKS_AN_HOUR:
        assert sec.send("/account/password", password=old, new=new, again=new).status_code == 303
    Browser(app, app.state.clock).send("/forgot", account="sec")
    assert deliver(app, server).sent == 2 * LINKS_AN_HOUR + 1
    sec.send("/account/email", email="sec@new.test", password=PASSWORD)
    app.state.clock[0] += 6 * 24 * 3_600_000
    delivery = deliver(app, server)
    assert (delivery.sent, len(delivery.warnings)) == (0, 1)
    assert format_instant(NOW)[:7] in delivery.warnings[0]
    assert fetch(app.state.hub.database, "SELECT count(*) FROM dispatch WHERE decided IS NULL") == [(0,)]
