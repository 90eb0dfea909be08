"""Change requests by the API: who may ask, confirm, decide and see, and documents as evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.services.manage_people import approve_provider
from tests.hub.reporting import OTHER, SYSTEM
from tests.hub.test_photos import make_picture
from tests.hub.web.acting import API, NOW

if TYPE_CHECKING:
    from httpx2 import Response

    from tests.hub.web.acting import Api

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
TO_DAS = {"role": "das_provider", "account": "das", "reason": "devices are there"}


def send(api: Api, who: str, content: bytes) -> Response:
    """Send a document."""
    return api.client.post(f"{API}/documents", files={"file": ("contract", content)}, headers=api.headers(who))


def ask(api: Api, who: str = "owner", body: dict[str, str] = TO_DAS, system: str = SYSTEM) -> Response:
    """Ask for a change."""
    return api.post(who, f"systems/{system}/changes", body)


def take(api: Api, who: str, number: int, step: str, **more: str) -> Response:
    """Take a step."""
    return api.post(who, f"changes/{number}/steps", {"step": step, **more})


@pytest.fixture
def das(api: Api) -> Api:
    """Let the provider be chosen."""
    approve_provider(api.database, "das", is_approved=True, actor="test", now=NOW, reason="")
    return api


def test_an_owner_asks_a_provider_confirms_and_staff_approve(das: Api) -> None:
    """Then the provider may act for the system, and the reporter before no more."""
    asked = ask(das)
    assert (asked.status_code, asked.json()["state"]) == (201, "awaits_provider")
    number = asked.json()["request"]
    assert [one["request"] for one in das.get("das", "changes").json()["changes"]] == [number]
    assert take(das, "das", number, "confirm").json()["state"] == "submitted"
    approved = take(das, "bea", number, "approve").json()
    assert (approved["state"], approved["next"]) == ("in_force", [])
    assert [one["step"] for one in approved["steps"]] == ["confirm", "approve"]
    reading = {"register_kwh": "1015.5", "read_at": "2024-01-31 15:00"}
    (finding,) = das.post("ann", f"systems/{SYSTEM}/readings", reading).json()["findings"]
    assert finding["code"] == "NOT_AUTHORISED"
    assert das.get("das", f"systems/{SYSTEM}/periods").status_code == 200
    assert das.get("bea", "changes?in_progress=true").json()["changes"] == []


@pytest.mark.parametrize(
    ("who", "step", "says"),
    [
        ("owner", "confirm", "it waits for the word of das"),
        ("owner", "approve", "as rec owner or system owner: that takes operator"),
        ("das", "approve", "nothing relates them now"),
        ("das", "withdraw", "made by owner, who alone can withdraw it"),
    ],
)
def test_steps_are_for_those_whose_they_are(das: Api, who: str, step: str, says: str) -> None:
    """403, with who could."""
    number = ask(das).json()["request"]
    answer = take(das, who, number, step)
    assert (answer.status_code, says in answer.json()["detail"]) == (403, True)


def test_strangers_neither_ask_nor_see(das: Api) -> None:
    """To them the request is not there."""
    number = ask(das).json()["request"]
    assert ask(das, "neighbour").status_code == 403
    assert ask(das, "owner", system=OTHER).status_code == 403
    for path in (f"changes/{number}", f"changes/{number}/documents/{'0' * 64}"):
        assert das.get("neighbour", path).status_code == 404
    assert take(das, "neighbour", number, "confirm").status_code == 404
    assert das.get("neighbour", "changes").json()["changes"] == []
    assert das.get("neighbour", "providers").json() == {"providers": ["das"]}


def test_rights_move_with_a_contract_that_is_only_downloaded(api: Api) -> None:
    """A PDF comes back byte for byte, a picture as pixels; neither is shown by the hub."""
    assert ask(api, body={"role": "rec_owner", "account": "ann", "reason": "sold"}).status_code == 422
    for content in (PDF, make_picture()):
        name = send(api, "owner", content).json()["document"]
        body = {"role": "rec_owner", "account": "ann", "reason": "sold", "evidence": name}
        asked = ask(api, body=body).json()
        path = f"changes/{asked['request']}/documents/{name}"
        shown = api.get("bea", path)
        assert shown.status_code == 200
        assert (shown.content == content) is (content == PDF)
        assert shown.headers["content-disposition"].startswith(f'attachment; filename="{name}')
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert api.get("bea", f"changes/{asked['request']}/documents/{'a' * 64}").status_code == 404
        assert take(api, "owner", asked["request"], "withdraw").status_code == 201


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html>", "no JPEG, PNG or WebP"),
        (PDF[:-7], "ends before its end"),
        (PDF + b" " * (10 << 20) + b"%%EOF", "is the limit"),
    ],
)
def test_what_is_no_document_is_refused(api: Api, content: bytes, says: str) -> None:
    """In a sentence, and nothing is kept."""
    answer = send(api, "owner", content)
    assert (answer.status_code, says in answer.json()["detail"]) == (422, True)


def test_a_name_that_is_kept_nowhere_is_no_evidence(api: Api) -> None:
    """A request names what was sent before."""
    body = {"role": "system_owner", "account": "ann", "reason": "sold", "evidence": "c" * 64}
    answer = ask(api, body=body)
    assert (answer.status_code, "send it first" in answer.json()["detail"]) == (422, True)
    assert ask(api, body={**body, "role": "auditor"}).status_code == 422


def test_requests_come_in_pages(das: Api) -> None:
    """By number, each once."""
    for system in (SYSTEM, OTHER):
        body = {"role": "system_owner", "contact_name": "Dee", "contact_email": "dee@example.org", "reason": "sold"}
        evidence = send(das, "bea", PDF).json()["document"]
        assert ask(das, "bea", {**body, "evidence": evidence}, system).status_code == 201
    first = das.get("bea", "changes?limit=1").json()
    second = das.get("bea", f"changes?limit=1&after={first['next']}").json()
    assert [one["system"] for page in (first, second) for one in page["changes"]] == [SYSTEM, OTHER]
