"""The API by which people act: who they are, what they may, and what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.rules.audit_chain import find_broken
from hub.store import audit_log
from tests.hub.reporting import OTHER, SYSTEM
from tests.hub.test_photos import make_picture
from tests.hub.web.acting import API, PEOPLE

if TYPE_CHECKING:
    from tests.hub.web.acting import Api

READING = {"register_kwh": "1015.5", "read_at": "2024-01-31 15:00"}


def test_a_reporter_goes_through_the_five_steps(api: Api) -> None:
    """The preview tells production; the entry is final; experience is said; nothing is left to do."""
    seen = api.post("ann", f"systems/{SYSTEM}/readings/preview", READING)
    assert (seen.status_code, seen.json()["outcome"], seen.json()["production_wh"]) == (200, "accepted", 615_500)
    done = api.post("ann", f"systems/{SYSTEM}/readings", READING)
    assert (done.status_code, done.json()["month"], done.json()["production_wh"]) == (201, "2024-01", 615_500)
    assert api.post("ann", f"systems/{SYSTEM}/readings", READING).status_code == 200
    said = {"service_cost_cents": 12_050, "outage_hours": 3, "note": "inverter"}
    for told in ({**said, "outage_hours": 30}, said):
        assert api.post("ann", f"systems/{SYSTEM}/months/2024-01/experience", told).json() == told
    (seen,) = api.get("ann", f"systems/{SYSTEM}/periods").json()["experience"]
    assert (seen["month"], seen["actor"], {name: seen[name] for name in said}) == ("2024-01", "ann", said)
    other = api.post("ann", f"systems/{SYSTEM}/readings", {"register_kwh": "1020"})
    assert (other.status_code, other.json()["findings"][0]["code"]) == (422, "CONFLICT")


@pytest.mark.parametrize(
    ("who", "system", "says"),
    [
        ("owner", SYSTEM, "as rec owner or system owner: that takes das provider or reporter"),
        ("neighbour", SYSTEM, "nothing relates them now"),
        ("bea", SYSTEM, "as operator: that takes das provider or reporter"),
        ("das", OTHER, "set to report automatically"),
    ],
)
def test_nobody_else_enters_production(api: Api, who: str, system: str, says: str) -> None:
    """The refusal is kept as an act of reporting, with who tried."""
    answer = api.post(who, f"systems/{system}/readings", READING)
    assert (answer.status_code, answer.json()["outcome"]) == (422, "refused")
    (finding,) = answer.json()["findings"]
    assert finding["code"] == "NOT_AUTHORISED"
    assert says in finding["text"]
    assert api.get("bea", "submissions").json()["submissions"][0]["actor"] == who


def test_a_doubted_reading_goes_by_photo_to_another_person(api: Api) -> None:
    """The picture is seen by those who may see the system, and by nobody else."""
    little = {"register_kwh": "410", "read_at": "2024-01-31 15:00"}
    assert api.post("ann", f"systems/{SYSTEM}/readings", little).status_code == 202
    sent = api.client.post(f"{API}/photos", files={"file": ("a.jpg", make_picture())}, headers=api.headers("ann"))
    assert sent.status_code == 201
    photo = sent.json()["photo"]
    answer = api.post("ann", f"systems/{SYSTEM}/readings", {**little, "photo": photo})
    assert (answer.status_code, answer.json()["outcome"]) == (202, "review")
    shown = api.get("bea", f"photos/{photo}")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-disposition"].startswith("attachment")
    assert api.get("neighbour", f"photos/{photo}").status_code == 404
    number = answer.json()["submission"]
    decision = {"approved": True, "reason": "display is clear"}
    assert api.post("ann", f"submissions/{number}/decision", decision).status_code == 403
    assert api.post("bea", f"submissions/{number}/decision", decision).json()["accepted"] is not None


def test_a_correction_is_asked_by_one_and_decided_by_another(api: Api) -> None:
    """And the audit log says so, whole."""
    api.post("ann", f"systems/{SYSTEM}/readings", READING)
    body = {"register_kwh": "1051.5", "read_at": "2024-01-31 15:00", "reason": "digits swapped"}
    asked = api.post("ann", f"systems/{SYSTEM}/months/2024-01/corrections", body)
    assert asked.status_code == 202
    assert api.post("owner", f"systems/{SYSTEM}/months/2024-01/corrections", body).status_code == 403
    decided = api.post("bea", f"submissions/{asked.json()['submission']}/decision", {"approved": True, "reason": "ok"})
    assert decided.status_code == 200
    entries = api.get("sec", f"audit-log?subject={SYSTEM}").json()["entries"]
    assert [(one["actor"], one["action"]) for one in entries] == [
        ("bea", "approve submission"),
        ("ann", "request correction"),
        ("ann", "report reading"),
    ]
    with api.database.read() as connection:
        assert find_broken(audit_log.iterate_audit(connection)) is None


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer nobody"])
def test_who_does_not_say_who_they_are_is_asked_to(api: Api, header: str) -> None:
    """401, and how to say it."""
    answer = api.client.post(f"{API}/systems/{SYSTEM}/readings", json=READING, headers={"authorization": header})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert "meter-hub account token" in answer.json()["detail"]


def test_accounts_and_log_are_for_those_who_may(api: Api) -> None:
    """403 in a sentence for all others."""
    assert [one["account"] for one in api.get("sec", "accounts").json()["accounts"]] == sorted(PEOPLE)
    for who, path in (("bea", "accounts"), ("ann", "audit-log")):
        answer = api.get(who, path)
        assert answer.status_code == 403
        assert "that takes" in answer.json()["detail"] or "nothing relates them" in answer.json()["detail"]


def test_an_account_is_disabled_and_enabled(api: Api) -> None:
    """Its token is answered no more, and stays taken back; only who manages accounts says so."""
    path, left = "accounts/ann/disabled", {"disabled": True, "reason": "left"}
    assert api.post("ann", path, left).status_code == 403
    assert api.get("ann", f"systems/{SYSTEM}").status_code == 200
    said = api.post("sec", path, left)
    assert (said.status_code, said.json()["disabled_at"] is None) == (201, False)
    assert api.get("ann", f"systems/{SYSTEM}").status_code == 401
    again = api.post("sec", "accounts/ann/tokens", {"days": 1})
    assert (again.status_code, "ann is disabled" in again.json()["detail"]) == (422, True)
    assert api.post("sec", path, {"disabled": False, "reason": "back"}).json()["disabled_at"] is None
    assert api.get("ann", f"systems/{SYSTEM}").status_code == 401
    assert api.post("sec", "accounts/sec/disabled", left).status_code == 422


def test_sessions_end_by_the_api(api: Api) -> None:
    """One's own, or anybody's for who manages accounts; no token with them."""
    for who, status in (("ann", 201), ("sec", 201), ("bea", 403)):
        assert api.post(who, "accounts/ann/sessions/end", {}).status_code == status
    assert api.post("ann", "accounts/ann/sessions/end", {}).json() == {"ended": 0}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"systems/{SYSTEM}/readings", {"register_kwh": "1,5"}, 422),
        (f"systems/{SYSTEM}/readings", {}, 422),
        (f"systems/{SYSTEM}/readings", {**READING, "photo": "0" * 64}, 422),
        (f"systems/{SYSTEM}/months/2024-13/experience", {}, 422),
        (f"systems/{SYSTEM}/months/2024-01/experience", {"outage_hours": -1}, 422),
        ("submissions/99/decision", {"approved": True, "reason": "x"}, 404),
    ],
)
def test_what_is_wrong_is_said(api: Api, path: str, body: dict[str, object], status: int) -> None:
    """As problem details."""
    answer = api.post("ann", path, body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_what_is_no_picture_is_refused(api: Api) -> None:
    """Whatever it is called."""
    sent = api.client.post(f"{API}/photos", files={"file": ("a.jpg", b"<svg/>")}, headers=api.headers("ann"))
    assert sent.status_code == 422
