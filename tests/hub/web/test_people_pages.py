"""Pages of accounts and of the audit log: who sees them, what they change, and what they refuse."""

from __future__ import annotations

import csv
import html
import io
import re
import threading
from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.chores import Chore
from hub.config import Address, HubSettings
from hub.errors import InputError
from hub.rules.permissions import Relation, Role
from hub.services.manage_people import add_account, relate_account
from hub.store import accounts, audit_log
from hub.store.accounts import Account
from hub.web.pages.people import RELATIONS_SHOWN, RELATIONS_TOLD
from tests.hub.programs import wait_until
from tests.hub.reporting import JAN, SYSTEM, add_system
from tests.hub.web.acting import PASSWORD, Browser, let_in, signed_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi import FastAPI

NOW = JAN.ends_at
PEOPLE = {
    "sec": (Role.SECURITY_ADMIN, None),
    "aud": (Role.AUDITOR, None),
    "bea": (Role.OPERATOR, None),
    "owner": (Role.SYSTEM_OWNER, SYSTEM),
}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with a system and people."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0)), now=lambda: NOW)
    database = app.state.hub.database
    add_system(database)
    let_in(app, PEOPLE, JAN.starts_at)
    return app


def test_from_a_new_account_to_somebody_who_signs_in(app: FastAPI) -> None:
    """Added, given a role, let in by a link that is shown once; the role ends, and the log tells all of it."""
    sec = signed_in(app, "sec")
    assert "Add an account" in sec.get("/users/new").text
    wrong = sec.send("/users/new", account="New Person", full_name="Ida")
    assert (wrong.status_code, 'value="Ida"' in wrong.text) == (422, True)
    for _ in range(2):
        sent = sec.send("/users/new", account="ida", full_name="Ida Ray", email="ida@example.org")
        assert sent.headers["location"] == "/users/ida"
    assert "ida@example.org" in sec.get("/users?search=RAY").text
    assert "No account contains that" in sec.get("/users?search=100%25").text
    path = "/users/ida/relations/new"
    assert sec.send(path, role="emperor", system="").status_code == 422
    assert "is not registered here" in html.unescape(sec.send(path, role="reporter", system="SLF-ZZ9999-00001").text)
    assert sec.send(path, role="reporter", system=SYSTEM).headers["location"] == "/users/ida"
    assert "whoever opens it first chooses the password" in sec.get("/users/ida").text
    page = sec.send("/users/ida/link").text
    (link,) = re.findall(r"<code>http://hub\.test(/welcome/\S+)</code>", page)
    assert "<code>http" not in sec.get("/users/ida").text
    ida = Browser(app, [NOW])
    assert ida.send(link, password=PASSWORD, again=PASSWORD).headers["location"] == "/sign-in"
    ida.sign_in("ida")
    assert SYSTEM in ida.get("/systems").text
    with app.state.hub.database.read() as connection:
        (held,) = accounts.list_relations(connection, of_account="ida")
    end = f"/users/ida/relations/{held.number}/end"
    assert "has to be filled in" in sec.send(end, reason="").text
    assert sec.send(end, reason="sold the house").headers["location"] == "/users/ida"
    assert "has ended already" in sec.send(end, reason="again").text
    assert SYSTEM not in ida.get("/systems").text
    told = html.unescape(signed_in(app, "aud").get("/audit?subject=ida").text)
    for words in ("add account", "relate", "make password link", "set password", "end relation", "sold the house"):
        assert words in told


def test_who_is_something_to_many_systems_is_shown_a_page_at_a_time(app: FastAPI) -> None:
    """The list of users tells a few, pages of the account all; one that cannot end is first where that is said."""
    sec, systems, database = signed_in(app, "sec"), RELATIONS_SHOWN + 3, app.state.hub.database
    add_account(database, Account("large", "Large Lee", "large@example.org", NOW, "test"))
    numbers = []
    for one in range(systems):
        name = f"SLF-AB1234-{one + 100:05d}"
        add_system(database, name)
        held = relate_account(database, Relation("large", Role.REPORTER, name, NOW), actor="test", now=NOW)
        numbers.append(held.number)
    listed = sec.get("/users?search=large").text
    assert (listed.count("reporter of"), "and more" in listed) == (RELATIONS_TOLD, True)
    assert "and more" not in sec.get("/users?search=owner").text
    first = sec.get("/users/large").text
    assert first.count("End it now") == RELATIONS_SHOWN
    place = f"/users/large?after={numbers[RELATIONS_SHOWN - 1]}"
    assert f'href="{place}" rel="next"' in first
    last = sec.get(place).text
    assert (last.count("End it now"), 'rel="next"' in last) == (3, False)
    assert "These were all" in sec.get(f"/users/large?after={numbers[-1]}").text
    refused = sec.send(f"/users/large/relations/{numbers[-1]}/end", reason="").text
    assert (refused.count("End it now"), "has to be filled in" in refused) == (1, True)


def test_nobody_lifts_themselves_or_shuts_the_door_for_all(app: FastAPI) -> None:
    """A role comes from somebody else, and the last who manages accounts stays."""
    sec = signed_in(app, "sec")
    refused = sec.send("/users/sec/relations/new", role="operator", system="")
    assert "cannot give themselves a role" in refused.text
    with app.state.hub.database.read() as connection:
        (held,) = accounts.list_relations(connection, of_account="sec")
    last = sec.send(f"/users/sec/relations/{held.number}/end", reason="leaving")
    assert "is the last who manages accounts" in last.text
    new = Relation("aud", Role.SECURITY_ADMIN, None, NOW)
    relate_account(app.state.hub.database, new, actor="test", now=NOW)
    assert sec.send(f"/users/sec/relations/{held.number}/end", reason="leaving").status_code == 303
    with pytest.raises(InputError, match="cannot give themselves"):
        relate_account(app.state.hub.database, Relation("bea", Role.AUDITOR, None, NOW), actor="bea", now=NOW)


def test_a_lost_phone(app: FastAPI) -> None:
    """Its factor is taken away with a reason; without one on it there is nothing to take."""
    sec, bea = signed_in(app, "sec"), signed_in(app, "bea")
    assert bea.get("/board").status_code in {200, 404}
    assert "has to be filled in" in sec.send("/users/bea/forget-factor", reason="").text
    assert sec.send("/users/bea/forget-factor", reason="phone lost").headers["location"] == "/users/bea"
    assert "<dd>off</dd>" in sec.get("/users/bea").text
    assert sec.send("/users/owner/forget-factor", reason="x").status_code == 422


def test_who_left_is_shut_out_and_let_in_again(app: FastAPI) -> None:
    """With a reason; their browser is asked who they are at its next step, and nobody shuts out themselves."""
    sec, owner = signed_in(app, "sec"), signed_in(app, "owner")
    assert "Disable it" not in sec.get("/users/sec").text
    assert "cannot disable themselves" in sec.send("/users/sec/disable", reason="x").text
    assert "has to be filled in" in sec.send("/users/owner/disable", reason="").text
    assert owner.get("/account").status_code == 200
    assert sec.send("/users/owner/disable", reason="sold it").headers["location"] == "/users/owner"
    assert owner.get("/account").status_code == 303
    refused = owner.sign_in("owner")
    assert (refused.status_code, "this account is disabled" in refused.text) == (422, True)
    page = sec.get("/users/owner").text
    assert "<dt>Disabled</dt>" in page
    assert all(door not in page for door in ("/link", "/tokens/new", "/forget-factor", "Disable it"))
    assert "<strong>disabled</strong>" in sec.get("/users").text
    assert "owner is disabled" in sec.send("/users/owner/tokens/new", label="x", days="9", scope="").text
    assert sec.send("/users/owner/enable", reason="bought it back").headers["location"] == "/users/owner"
    assert owner.sign_in("owner").status_code == 303
    assert sec.send("/users/nobody/disable", reason="x").status_code == 404


def test_every_session_of_somebody_ends(app: FastAPI) -> None:
    """And they may sign in again."""
    sec, owner = signed_in(app, "sec"), signed_in(app, "owner")
    assert "End all its sessions" in sec.get("/users/owner").text
    assert sec.send("/users/owner/sessions/end").headers["location"] == "/users/owner"
    assert owner.get("/account").status_code == 303
    assert "sessions/end" not in sec.get("/users/owner").text
    assert owner.sign_in("owner").status_code == 303


def test_accounts_are_paged_without_gap_or_double(app: FastAPI) -> None:
    """By name, however many there are."""
    for number in range(120):
        add_account(app.state.hub.database, Account(f"p{number:03d}", "", "", NOW, "test"))
    sec, path, seen = signed_in(app, "sec"), "/users", []
    while path:
        page = html.unescape(sec.get(path).text)
        seen += re.findall(r'<th scope="row"><a href="/users/([^"]+)"', page)
        onward = re.findall(r'<a href="([^"]+)" rel="next"', page)
        path = onward[0] if onward else ""
    assert len(seen) == len(set(seen)) == 124
    assert seen == sorted(seen)


def test_the_audit_log_is_narrowed_down_paged_and_saved(app: FastAPI) -> None:
    """The table has what the page shows and goes on; a name that is a formula is none in it."""
    database = app.state.hub.database
    for number in range(60):
        with database.write() as connection:
            audit_log.append_audit(
                connection, actor="=cmd", action="turn", subject=f"wheel {number % 2}", at=NOW, after={"angle": number}
            )
    aud = signed_in(app, "aud")
    page = aud.get("/audit?action=turn").text
    assert page.count('<th scope="row">') == 50
    (onward,) = re.findall(r'<a href="([^"]+)" rel="next"', page)
    assert html.unescape(aud.get(html.unescape(onward)).text).count('<th scope="row">') == 10
    assert aud.get("/audit?action=turn&subject=wheel 1").text.count('<th scope="row">') == 30
    assert "No entry says that" in aud.get("/audit?actor=nobody").text
    made = aud.get("/audit?action=make password link").text
    assert '<td data-label="Before"></td>' in made, "a cell that says nothing is empty, so that a phone leaves it out"
    saved = list(csv.DictReader(io.StringIO(aud.get("/audit.csv?action=turn").text)))
    assert (len(saved), saved[0]["actor"], saved[0]["after"]) == (60, "'=cmd", '{"angle":59}')
    assert aud.get("/audit?before=0").status_code == 422


def check_the_chain(app: FastAPI, browser: Browser) -> str:
    """Have it checked, wait until that has ended, and return the page of then."""
    assert browser.send("/audit/verification").headers["location"] == "/audit"
    app.state.hub.chores.wait(30)
    return browser.get("/audit").text


def test_the_chain_is_checked_on_demand(app: FastAPI) -> None:
    """Whole through its last entry, or broken and where; who may not read the log may not begin it."""
    aud, owner = signed_in(app, "aud"), signed_in(app, "owner")
    assert owner.send("/audit/verification").status_code == 403
    with app.state.hub.database.read() as connection:
        (latest,) = audit_log.list_audit(connection, limit=1)
    assert "The chain is" not in aud.get("/audit").text
    whole = f"The chain is whole through entry {latest.number}, whose hash is {latest.sha256}."
    assert whole in check_the_chain(app, aud)
    with app.state.hub.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_entry_no_update")
        connection.exec_driver_sql("UPDATE audit_entry SET reason = 'no' WHERE number = 2")
    assert "The chain is broken: entry 2 does not say what was sealed: it was changed." in check_the_chain(app, aud)


def test_one_check_goes_on_at_a_time(app: FastAPI) -> None:
    """It says how far it is and looks again by itself; another is refused in a sentence, on the page."""
    aud, may_end = signed_in(app, "aud"), threading.Event()

    def work(step: Callable[[int], object]) -> str:
        step(3)
        assert may_end.wait(30)
        return ""

    app.state.hub.chores.begin(Chore("/audit", "entries", "checking the whole chain", "bea", 7), work)
    wait_until(lambda: "3 of 7 entries" in aud.get("/audit").text, "the first step")
    assert 'http-equiv="refresh"' in aud.get("/audit").text
    again = aud.send("/audit/verification")
    assert (again.status_code, "goes on, begun by bea: wait until it has ended" in again.text) == (422, True)
    may_end.set()
    app.state.hub.chores.wait(30)
    assert 'http-equiv="refresh"' not in aud.get("/audit").text


@pytest.mark.parametrize("name", ["owner", "bea", "aud"])
def test_others_manage_no_accounts(app: FastAPI, name: str) -> None:
    """Neither to look nor to send; an auditor reads the log, an owner does not."""
    browser = signed_in(app, name)
    assert [browser.get(path).status_code for path in ("/users", "/users/new", "/users/sec")] == [403] * 3
    doors = (
        "new",
        "sec/relations/new",
        "sec/link",
        "sec/forget-factor",
        "sec/disable",
        "sec/enable",
        "sec/sessions/end",
    )
    assert {browser.send(f"/users/{path}", reason="x").status_code for path in doors} == {403}
    assert browser.get("/audit").status_code == (403 if name == "owner" else 200)
    assert browser.get("/audit.csv").status_code == (403 if name == "owner" else 200)
