"""The same request with the same key is done once, whoever is impatient and whatever breaks in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from hub.services.manage_people import add_account
from hub.services.manage_tokens import end_token, issue_token
from hub.store import api_answers, tokens
from hub.store.accounts import Account
from hub.web.bounding import BODY_BYTES_MAX
from hub.web.idempotency import ABANDONED_MS, KEPT_MS
from tests.hub.making import fetch
from tests.hub.reporting import SYSTEM
from tests.hub.web.acting import DAY_MS, NOW

if TYPE_CHECKING:
    from httpx2 import Response

    from tests.hub.web.acting import Api

PATH = "/api/v1/channels"
BODY = {"way": "webhook", "target": "https://example.org/hook"}


def post(api: Api, key: str, body: object = BODY, path: str = PATH, who: str = "bea") -> Response:
    """Post with a key."""
    return api.client.post(path, json=body, headers={**api.headers(who), "idempotency-key": key})


def count(api: Api, table: str = "channel") -> int:
    """Return how many rows a table has."""
    return int(str(fetch(api.database, f"SELECT count(*) FROM {table}")[0][0]))  # noqa: S608 - our own names


def test_the_same_request_is_answered_again_and_done_once(api: Api) -> None:
    """To the octet, with what is shown once only; the second answer says what it is."""
    first, again = post(api, "one"), post(api, "one")
    assert (first.status_code, first.json()["secret"][:6]) == (201, "whsec_")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert count(api) == 1
    kept = str(fetch(api.database, "SELECT * FROM api_answer"))
    assert first.json()["secret"] not in kept, "it is sealed"
    assert post(api, "two").json()["secret"] is None, "another key is another request"


def test_a_key_is_its_callers_and_its_requests(api: Api) -> None:
    """Another body or another address under it is refused; another caller's is another key."""
    post(api, "one")
    other = post(api, "one", {**BODY, "heartbeat": True})
    assert (other.status_code, other.headers["content-type"]) == (422, "application/problem+json")
    assert "take a new one" in other.json()["detail"]
    assert post(api, "one", path=f"{PATH}?x=1").status_code == 422
    assert post(api, "one", who="sec").status_code == 403
    assert count(api) == 1


def test_what_was_not_looked_at_may_be_asked_again(api: Api) -> None:
    """401 and 403 decide nothing; what was refused for what it says is refused again in the same words."""
    assert post(api, "one", who="ann").status_code == 403
    assert count(api, "api_answer") == 0
    wrong = post(api, "two", {"way": "pigeon"})
    assert (wrong.status_code, post(api, "two", {"way": "pigeon"}).content) == (422, wrong.content)


def test_a_token_that_was_taken_back_hears_nothing_again(api: Api) -> None:
    """Neither the first answer nor a word of it."""
    token = issue_token(api.database, "bea", DAY_MS, actor="test", now=NOW)
    headers = {"authorization": f"Bearer {token}", "idempotency-key": "one"}
    assert api.client.post(PATH, json=BODY, headers=headers).status_code == 201
    with api.database.read() as connection:
        (made,) = [one for one in tokens.list_tokens(connection, "bea") if one.issued_at == NOW]
    end_token(api.database, "bea", made.id, actor="test", now=NOW)
    refused = api.client.post(PATH, json=BODY, headers=headers)
    assert (refused.status_code, "whsec_" in refused.text) == (401, False)


def test_two_at_once_are_one(api: Api) -> None:
    """One is done; the others hear its answer, or that it is being answered."""
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: post(api, "one").status_code, range(8)))
    assert set(statuses) <= {201, 409}
    assert (statuses.count(201) >= 1, count(api)) == (True, 1)


@pytest.mark.parametrize(("age_ms", "status"), [(ABANDONED_MS - 1, 409), (ABANDONED_MS, 201)])
def test_a_request_that_broke_off_may_be_made_again_after_a_while(api: Api, age_ms: int, status: int) -> None:
    """The hub ended in the middle of it: nobody will answer it any more."""
    post(api, "one")
    with api.database.write() as connection:
        (row,) = fetch(api.database, "SELECT caller, fingerprint FROM api_answer")
        caller, fingerprint = str(row[0]), str(row[1])
        api_answers.drop_answer(connection, caller, "one")
        begun = api_answers.KeptAnswer(caller, "one", fingerprint, NOW - age_ms, None)
        api_answers.begin_answer(connection, begun)
    assert post(api, "one").status_code == status


def test_answers_are_kept_for_a_day(api: Api) -> None:
    """Then the key is free."""
    post(api, "one")
    with api.database.write() as connection:
        api_answers.drop_before(connection, NOW - KEPT_MS)
        assert count(api, "api_answer") == 1
        api_answers.drop_before(connection, NOW + 1)
    assert count(api, "api_answer") == 0


def test_keys_and_bodies_are_bounded(api: Api) -> None:
    """A key is a short word; an upload is kept once by its content anyway."""
    for key in ("", "x" * 201, "a\tb"):
        assert post(api, key).status_code == 400
    long = post(api, "one", {"way": "mail", "target": "x" * BODY_BYTES_MAX})
    assert (long.status_code, "1,048,576 bytes" in long.json()["detail"]) == (413, True)
    headers = {**api.headers("bea"), "idempotency-key": "one"}
    upload = api.client.post("/api/v1/documents", files={"file": ("a.pdf", b"%PDF-1.7\n")}, headers=headers)
    assert (upload.status_code, "uploads take no" in upload.json()["detail"]) == (400, True)
    assert count(api, "api_answer") == 0


def test_reading_and_pages_do_not_care(api: Api) -> None:
    """Only what changes something through the API is done once by its key."""
    headers = {**api.headers("bea"), "idempotency-key": "one"}
    assert api.client.get(f"/api/v1/systems/{SYSTEM}", headers=headers).status_code == 200
    assert api.client.post(PATH, json=BODY, headers={"idempotency-key": "one"}).status_code == 401
    assert count(api, "api_answer") == 0


def test_a_bug_leaves_the_key_free(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was changed, so the same request is made again."""
    add_account(api.database, Account("new", "New", "", NOW, "test"))

    def break_down(*_: object, **__: object) -> None:
        message = "a bug"
        raise RuntimeError(message)

    with monkeypatch.context() as patch:
        patch.setattr("hub.web.api.channels.add_channel", break_down)
        with pytest.raises(RuntimeError, match="a bug"):
            post(api, "one")
    assert post(api, "one").status_code == 201
