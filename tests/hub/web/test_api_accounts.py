"""What an account signs in by, through the API: seen and ended by who it is of, and by who manages accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from hub.exchange.oidc import Identity
from hub.services.set_password import begin_factor
from hub.services.sign_in import Visit, begin_session, hash_token
from hub.services.sign_in_elsewhere import link_identity
from hub.store import audit_log, sign_ins
from tests.hub.web.acting import NOW

if TYPE_CHECKING:
    from tests.hub.web.acting import Api

PHONE = {"reason": "the phone is lost"}
ALLOWED = {"own": {"ann", "sec"}, "managers": {"sec"}}


def session_of(api: Api, account: str, agent: str = "Firefox") -> int:
    """Let somebody sign in, and return the number of the session."""
    with api.database.write() as connection:
        token = begin_session(connection, account, Visit("192.0.2.7", agent), NOW, has_code=False).token
        found = sign_ins.find_session(connection, hash_token(token))
    assert found is not None
    return found.number


def fill(api: Api) -> int:
    """Let ann have a session, a link to another house and a second factor; return the session's number."""
    link_identity(api.database, "ann", Identity("https://id.example", "ann-1", has_mfa=False), NOW)
    begin_factor(api.database, api.client.app.state.hub.sealer, "ann", NOW)  # type: ignore[attr-defined]
    return session_of(api, "ann")


@pytest.mark.parametrize("who", ["ann", "owner", "neighbour", "das", "bea", "sec"])
@pytest.mark.parametrize(
    ("method", "path", "may", "status"),
    [
        ("get", "accounts/ann", "own", 200),
        ("get", "accounts/ann/sessions", "own", 200),
        ("post", "accounts/ann/sessions/{session}/end", "own", 204),
        ("post", "accounts/ann/identities/end", "own", 204),
        ("post", "accounts/ann/password-links", "managers", 201),
        ("post", "accounts/ann/second-factor/end", "managers", 204),
    ],
)
def test_who_may(api: Api, who: str, method: str, path: str, may: str, status: int) -> None:  # noqa: PLR0913, PLR0917 - a matrix
    """One's own, and all of them for who manages accounts; nobody else, and then nothing is kept."""
    session = fill(api)
    path = path.format(session=session)
    with api.database.read() as connection:
        before = audit_log.list_audit(connection, limit=1)
    answer = api.get(who, path) if method == "get" else api.post(who, path, PHONE)
    assert answer.status_code == (status if who in ALLOWED[may] else 403)
    if answer.status_code == 403:
        assert "may not manage accounts" in answer.json()["detail"]
    with api.database.read() as connection:
        after = audit_log.list_audit(connection, limit=1)
    assert (after == before) == (method == "get" or answer.status_code == 403)
    if after != before:
        assert (after[0].actor, after[0].subject) == (who, "ann")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("accounts/nobody/sessions/1/end", {}),
        ("accounts/ann/sessions/999/end", {}),
        ("accounts/nobody/identities/end", {}),
        ("accounts/ann/identities/end", {}),
        ("accounts/nobody/password-links", {}),
        ("accounts/nobody/second-factor/end", PHONE),
        ("accounts/ann/second-factor/end", PHONE),
    ],
)
def test_what_is_not_there_is_said(api: Api, path: str, body: object) -> None:
    """404, with a sentence that names it."""
    answer = api.post("sec", path, body)
    assert answer.status_code == 404
    assert "ann" in answer.json()["detail"] or "nobody" in answer.json()["detail"]


def test_an_account_says_by_what_it_signs_in(api: Api) -> None:
    """A factor counts once its first code proved it; nothing secret is told."""
    fill(api)
    shown = api.get("ann", "accounts/ann").json()
    assert [one["role"] for one in shown["relations"]] == ["reporter"]
    assert (shown["has_password"], shown["has_second_factor"]) == (False, False)
    assert shown["identities"] == [{"issuer": "https://id.example", "subject": "ann-1"}]
    assert api.get("sec", "accounts/nobody").status_code == 404
    assert [one["account"] for one in api.get("sec", "accounts?search=eighb").json()["accounts"]] == ["neighbour"]


def test_sessions_come_in_pages_and_end_once(api: Api) -> None:
    """The latest first; one of somebody else is not reached under one's own name."""
    numbers = [session_of(api, "ann", agent) for agent in ("Firefox", "Safari", "Chrome")]
    other = session_of(api, "owner")
    first = api.get("ann", "accounts/ann/sessions?limit=2").json()
    rest = api.get("ann", f"accounts/ann/sessions?limit=2&before={first['next']}").json()
    assert [one["session"] for one in (*first["sessions"], *rest["sessions"])] == numbers[::-1]
    assert (first["sessions"][0]["agent"], first["sessions"][0]["address"]) == ("Chrome", "192.0.2.7")
    assert rest["next"] is None
    assert api.post("ann", f"accounts/ann/sessions/{other}/end", {}).status_code == 404
    for status in (204, 404):
        assert api.post("ann", f"accounts/ann/sessions/{numbers[1]}/end", {}).status_code == status
    assert [one["session"] for one in api.get("ann", "accounts/ann/sessions").json()["sessions"]] == [
        numbers[2],
        numbers[0],
    ]


def test_a_password_link_leads_to_its_page_and_voids_the_one_before(api: Api) -> None:
    """It is shown to who made it, and what is set there is set by who opens it."""
    links = [api.post("sec", "accounts/ann/password-links", {}).json() for _ in range(2)]
    statuses = [api.client.get(urlsplit(one["url"]).path).status_code for one in links]
    assert statuses == [404, 200]
    assert links[0]["expires_at"] == "2024-02-03T21:00:00Z"


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_second_factor_is_not_taken_away_without_a_reason(api: Api, reason: str) -> None:
    """It would be the way around it."""
    fill(api)
    answer = api.post("sec", "accounts/ann/second-factor/end", {"reason": reason})
    assert (answer.status_code, "needs its reason" in answer.json()["detail"]) == (422, True)
    with api.database.read() as connection:
        assert sign_ins.find_factor(connection, "ann") is not None


def test_the_audit_log_is_narrowed_down(api: Api) -> None:
    """By who did it and by what was done."""
    fill(api)
    api.post("ann", "accounts/ann/identities/end", {})
    api.post("sec", "accounts/ann/password-links", {})
    for asked in ("by=sec", "action=make password link", "subject=ann&by=sec"):
        (entry,) = api.get("bea", f"audit-log?{asked}").json()["entries"][:1]
        assert (entry["actor"], entry["action"]) == ("sec", "make password link")
    assert api.get("bea", "audit-log?by=nobody").json()["entries"] == []
