"""One's own account: each way in is changed behind the password that one has, and what was open elsewhere ends."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from hub.access.codes import STEP_MS
from hub.access.throttle import FREE_FAILURES
from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.permissions import Relation, Role
from hub.services.manage_people import add_account, relate_account
from hub.services.set_password import make_link
from hub.services.sign_in import Visit, begin_session
from hub.services.sign_in_elsewhere import FRESH_MS
from hub.store import accounts, audit_log
from hub.store.accounts import Account
from hub.web.pages.account import RELATIONS_SHOWN, SESSIONS_SHOWN
from tests.hub.reporting import JAN, add_system
from tests.hub.web.acting import PASSWORD, Browser, give_password, let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

START = JAN.ends_at
ANOTHER = "other words in no order"
WRONG = "wrong words in a row"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a closed hub with Ann, who is nothing yet, and Bea, who operates it."""
    clock = [START]
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0)), now=lambda: clock[0])
    app.state.clock = clock
    add_account(app.state.hub.database, Account("ann", "Ann", "ann@example.org", START, "test"))
    give_password(app, "ann")
    let_in(app, {"bea": (Role.OPERATOR, None)}, START)
    return app


def actions(app: FastAPI) -> list[str]:
    """Return what the audit log says was done last, the earliest first."""
    with app.state.hub.database.read() as connection:
        return [one.action for one in audit_log.iterate_audit(connection)]


def test_one_sees_what_one_is_and_where_one_is_signed_in_a_page_at_a_time(app: FastAPI) -> None:
    """Whoever is something to thousands of systems, or signs in every day, waits for no page of all of it."""
    ann, database = signed_in(app, "ann"), app.state.hub.database
    for one in range(RELATIONS_SHOWN + 3):
        add_system(database, f"SLF-AB1234-{one:05d}")
        role = Relation("ann", Role.REPORTER, f"SLF-AB1234-{one:05d}", START)
        number = relate_account(database, role, actor="test", now=START).number
    first = ann.get("/account").text
    (place,) = re.findall(r'href="(/account\?after=\d+)" rel="next"', first)
    assert first.count('<td data-label="System">') == RELATIONS_SHOWN
    last = ann.get(place).text
    assert (last.count('<td data-label="System">'), 'rel="next"' in last) == (3, False)
    assert "These were all" in ann.get(f"/account?after={number}").text
    assert "not listed" not in first
    with database.write() as connection:
        for _ in range(SESSIONS_SHOWN):
            begin_session(connection, "ann", Visit("192.0.2.7"), START, has_code=False)
    many = ann.get("/account").text
    assert (many.count("since ") - first.count("since "), "not listed" in many) == (SESSIONS_SHOWN - 1, True)


def test_a_password_is_changed_with_the_one_before(app: FastAPI) -> None:
    """Every other session ends and this one goes on under another token; a link made before is void."""
    ann, elsewhere = signed_in(app, "ann"), signed_in(app, "ann")
    link = make_link(app.state.hub.database, "ann", actor="test", now=START)
    assert 'autocomplete="current-password"' in ann.get("/account/password").text
    before = ann.client.cookies["session"]
    sent = ann.send("/account/password", password=PASSWORD, new=ANOTHER, again=ANOTHER)
    assert (sent.status_code, sent.headers["location"]) == (303, "/account")
    assert ann.client.cookies["session"] != before
    assert [one.get("/account").status_code for one in (ann, elsewhere)] == [200, 303]
    assert ann.get(f"/welcome/{link}").status_code == 404
    for password, status in ((PASSWORD, 303), (ANOTHER, 200)):
        later = Browser(app, app.state.clock)
        later.sign_in("ann", password)
        assert later.get("/account").status_code == status
    assert "change password" in actions(app)
    ann.client.cookies.clear()
    ann.client.cookies.set("session", before)
    assert ann.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("typed", "says", "field"),
    [
        ((WRONG, ANOTHER, ANOTHER), "this is not the password that you sign in with", "password"),
        ((PASSWORD, ANOTHER, WRONG), "the two new passwords differ", "again"),
        ((PASSWORD, "short", "short"), "at least 12 signs", "new"),
        (("", ANOTHER, ANOTHER), "Your password: this has to be filled in", "password"),
        ((PASSWORD, "x" * 300, "x" * 300), "write at most 200 characters", "new"),
    ],
)
def test_a_password_that_is_not_changed(app: FastAPI, typed: tuple[str, str, str], says: str, field: str) -> None:
    """The field that is wrong says so, nothing that was typed is shown, and the one before still opens the door."""
    ann = signed_in(app, "ann")
    answer = ann.send("/account/password", **dict(zip(("password", "new", "again"), typed, strict=True)))
    assert (answer.status_code, says in answer.text) == (422, True)
    (wrong,) = [part for part in answer.text.split("<input") if 'aria-invalid="true"' in part]
    assert f'name="{field}"' in wrong
    assert all(f'value="{one}"' not in answer.text for one in typed if one)
    assert ann.get("/account").status_code == 200
    assert signed_in(app, "ann").get("/account").status_code == 200


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/account/password", {"new": ANOTHER, "again": ANOTHER}),
        ("/account/email", {"email": "ann@new.test"}),
        ("/account/second-factor/begin", {}),
        ("/account/second-factor/forget", {}),
    ],
)
def test_a_session_that_was_left_open_guesses_no_password(app: FastAPI, path: str, fields: dict[str, str]) -> None:
    """Its wrong tries count like those of signing in."""
    ann = signed_in(app, "ann")
    for _ in range(FREE_FAILURES):
        wrong = ann.send(path, password=WRONG, **fields)
        assert (wrong.status_code, "not the password that you sign in with" in wrong.text) == (422, True)
    waiting = ann.send(path, password=PASSWORD, **fields)
    assert (waiting.status_code, waiting.headers["retry-after"]) == (429, "2")
    assert Browser(app, app.state.clock).send(path, password=PASSWORD, **fields).status_code in {303, 401}


def test_a_mail_address_is_changed_with_the_password(app: FastAPI) -> None:
    """What was typed stays in the form; a link made before is void, and the log has both addresses."""
    ann = signed_in(app, "ann")
    link = make_link(app.state.hub.database, "ann", actor="test", now=START)
    assert 'value="ann@example.org"' in ann.get("/account/email").text
    wrong = ann.send("/account/email", email="ann@new.test", password=WRONG)
    assert (wrong.status_code, 'value="ann@new.test"' in wrong.text, WRONG in wrong.text) == (422, True, False)
    assert "is no mail address" in ann.send("/account/email", email="ann", password=PASSWORD).text
    for _ in range(2):
        assert ann.send("/account/email", email="ann@new.test", password=PASSWORD).headers["location"] == "/account"
    assert "Mail goes to ann@new.test" in ann.get("/account").text
    assert ann.get(f"/welcome/{link}").status_code == 404
    with app.state.hub.database.read() as connection:
        (told,) = audit_log.list_audit(connection, action="change mail address")
        held = accounts.find_account(connection, "ann")
    assert (told.before, told.after) == ('{"email":"ann@example.org"}', '{"email":"ann@new.test"}')
    assert held is not None
    assert held.email == "ann@new.test"


def test_all_other_sessions_end_at_once(app: FastAPI) -> None:
    """This one stays, and nobody else's is touched."""
    ann, others, bea = signed_in(app, "ann"), [signed_in(app, "ann"), signed_in(app, "ann")], signed_in(app, "bea")
    assert "End all others" in ann.get("/account").text
    assert ann.send("/account/sessions/end-others").headers["location"] == "/account"
    assert [one.get("/account").status_code for one in (ann, *others, bea)] == [200, 303, 303, 200]
    assert "End all others" not in ann.get("/account").text


def test_a_second_factor_begins_behind_the_password(app: FastAPI) -> None:
    """Who left a session open gives nobody their account: no secret is shown before it, nor after a wrong code."""
    ann = signed_in(app, "ann")
    assert "Your password" in ann.get("/account/second-factor").text
    shown = ann.send("/account/second-factor/begin", password=PASSWORD)
    assert 'class="secret"' in shown.text
    wrong = ann.send("/account/second-factor", code="000000")
    assert (wrong.status_code, "not the one that is shown now" in wrong.text) == (422, True)
    assert 'class="secret"' not in wrong.text
    assert "Show it again" in wrong.text
    assert ann.send("/account/second-factor", code=ann.code("ann")).status_code == 200
    assert "has a second factor already" in ann.send("/account/second-factor/begin", password=PASSWORD).text


def test_who_has_to_have_one_begins_it_just_after_signing_in(app: FastAPI) -> None:
    """Later the password is asked again."""
    bea = Browser(app, app.state.clock)
    bea.sign_in("bea")
    assert 'class="secret"' in bea.get("/account/second-factor").text
    assert 'class="secret"' in bea.send("/account/second-factor", code="000000").text
    app.state.clock[0] += FRESH_MS + 1
    assert "Your password" in bea.get("/account/second-factor").text
    assert 'class="secret"' not in bea.send("/account/second-factor", code="000000").text
    assert bea.send("/account/second-factor/begin", password=WRONG).status_code == 422
    assert bea.send("/account/second-factor/begin", password=PASSWORD).status_code == 200
    stranger = Browser(app, app.state.clock)
    assert stranger.send("/account/second-factor/begin", password=PASSWORD).headers["location"] == "/sign-in"


def test_a_second_factor_is_taken_away_behind_the_password(app: FastAPI) -> None:
    """All sessions end; who has to have one begins another."""
    bea = signed_in(app, "bea")
    app.state.clock[0] += STEP_MS
    assert "Your password" in bea.get("/account/second-factor/forget").text
    assert bea.send("/account/second-factor/forget", password="").status_code == 422
    done = bea.send("/account/second-factor/forget", password=PASSWORD)
    assert done.headers["location"] == "/sign-in?next=/account"
    assert bea.get("/account").status_code == 303
    assert bea.sign_in("bea").headers["location"] == "/account/second-factor"
    assert "take second factor" in actions(app)
    none = html.unescape(signed_in(app, "ann").send("/account/second-factor/forget", password=PASSWORD).text)
    assert "ann has no second factor" in none


def test_a_reset_keeps_the_second_factor(app: FastAPI) -> None:
    """A link sets the password, and whoever found it still lacks the phone."""
    signed_in(app, "bea")
    link = make_link(app.state.hub.database, "bea", actor="test", now=START)
    finder = Browser(app, app.state.clock)
    assert finder.send(f"/welcome/{link}", password=ANOTHER, again=ANOTHER).status_code == 303
    assert finder.sign_in("bea", ANOTHER, target="/").headers["location"] == "/sign-in/code?next=%2F"
    assert finder.get("/").status_code == 303
