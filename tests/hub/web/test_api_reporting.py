"""The API of reporting and of reported months."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.closing import RunKind
from hub.rules.windows import window_of
from hub.services.close_month import close_month
from hub.services.submit_reading import parse_reported, submit_reading
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_meter, add_system, enter
from tests.hub.test_photos import make_picture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.web.context import Hub
    from tests.hub.web.acting import Api

from fastapi.testclient import TestClient

NOW = JAN.ends_at - 8 * 3_600_000
API = "/api/v1"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Return a client of a hub in January's window: one system reported below what is expected, one not at all."""
    app = build_app(
        HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0), is_open=True), now=lambda: NOW
    )
    hub: Hub = app.state.hub
    for name in (SYSTEM, OTHER):
        add_system(hub.database, name)
        meter = add_meter(hub.database, f"PV-{name[-1]}", name, initial_wh=0, initial_at=JAN.previous().starts_at)
        enter(hub.database, meter.meter, JAN.previous(), 400_000)
    for kwh, at in (("450", ""), ("1000", "2024-01-31 15:00"), ("1001", "")):
        reported = parse_reported(SYSTEM, "", kwh, at, now=NOW)
        submit_reading(hub.database, reported, actor="ann", now=NOW)
    close_month(hub.database, JAN, RunKind.CLOSE, actor="bea", now=window_of(JAN).closes_at)
    with TestClient(app) as opened:
        yield opened


def test_the_list_says_who_has_reported(client: TestClient) -> None:
    """With the window, page by page."""
    first = client.get(f"{API}/reporting?limit=1").json()
    assert first["window"] == {
        "month": "2024-01",
        "opens_at": "2024-01-27T05:00:00Z",
        "closes_at": "2024-02-06T05:00:00Z",
        "is_open": True,
    }
    assert (first["systems"][0]["reported"], first["systems"][0]["missing"]) == (["PV-1"], [])
    second = client.get(f"{API}/reporting?limit=1&after={first['next']}").json()
    assert (second["systems"][0]["reported"], second["systems"][0]["missing"]) == ([], ["PV-2"])
    assert client.get(f"{API}/reporting?after={OTHER}").json()["next"] is None
    assert client.get(f"{API}/reporting?month=2023-12").json()["systems"][1]["missing"] == []


def test_periods_before_are_shown_with_what_was_produced(client: TestClient) -> None:
    """The latest first."""
    (meter,) = client.get(f"{API}/systems/{SYSTEM}/periods").json()["meters"]
    assert [(one["month"], one["register_wh"], one["production_wh"]) for one in meter["periods"]] == [
        ("2024-01", 1_000_000, 600_000),
        ("2023-12", 400_000, 400_000),
    ]


def test_submissions_are_there_with_what_was_found(client: TestClient) -> None:
    """The latest first, from any number on; none waits for staff."""
    every = client.get(f"{API}/submissions").json()["submissions"]
    assert [one["outcome"] for one in every] == ["refused", "accepted", "held"]
    assert every[0]["findings"][0]["code"] == "CONFLICT"
    before = client.get(f"{API}/submissions?system={SYSTEM}&before={every[0]['submission']}&limit=1").json()
    assert [one["outcome"] for one in before["submissions"]] == ["accepted"]
    assert client.get(f"{API}/submissions/waiting").json() == {"submissions": [], "next": None}
    assert client.get(f"{API}/reporting/devices").json() == {"meters": [], "next": None}


def test_a_closed_month_says_what_it_is_and_where_numbers_come_from(client: TestClient) -> None:
    """State, runs, hash; a system's number with its readings, method and rules."""
    month = client.get(f"{API}/months/2024-01").json()
    assert (month["state"], month["runs"][0]["reported"], month["runs"][0]["missing"]) == ("closed", 1, 1)
    (january,) = client.get(f"{API}/systems/{SYSTEM}/reported-months").json()["months"]
    (part,) = january["basis"]["meters"]
    assert (january["production_wh"], part["method"], january["basis"]["rules"]) == (600_000, "difference", "2026.11")
    assert part["opening"]["register_wh"] == 400_000
    assert client.get(f"{API}/months/2024-01/erratic").json() == {"month": "2024-01", "found": [], "next": None}


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("months/2024-13", 422, "is not a production month"),
        ("months/2024-02/erratic", 404, "nobody went over 2024-02"),
        ("systems/SLF-XX0000-00001/periods", 404, "is not registered here"),
        ("systems/SLF-XX0000-00001/reported-months", 404, "is not registered here"),
        ("reporting?limit=0", 422, "limit"),
        ("submissions?before=x", 422, "before"),
    ],
)
def test_what_is_wrong_is_a_problem_in_one_sentence(client: TestClient, path: str, status: int, says: str) -> None:
    """RFC 9457, with what to do."""
    answer = client.get(f"{API}/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]


def test_a_reading_that_waits_is_sent_once(api: Api) -> None:
    """Sent again it has the same number, and one decision is wanted."""
    path = f"systems/{SYSTEM}/readings"
    sent = api.client.post(f"{API}/photos", files={"file": ("meter.png", make_picture())}, headers=api.headers("ann"))
    photo = sent.json()["photo"]
    body = {"register_kwh": "410", "read_at": "2024-01-31 15:00", "photo": photo}
    assert api.post("ann", path, body).json()["outcome"] == "held"
    first, second = (api.post("ann", path, body) for _ in range(2))
    assert (first.status_code, first.json()["outcome"]) == (202, "review")
    assert second.json() == first.json()
    waiting = api.get("bea", "submissions/waiting").json()["submissions"]
    assert [one["submission"] for one in waiting] == [first.json()["submission"]]
