"""The API of mail and of missing production: what was sent to whom, and who lacks what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.rules.instants import format_instant
from hub.rules.permissions import Actor, Relation, Role
from hub.services.draw_missing import LATE_EVERY_MS, draw_missing
from hub.services.queue_notices import queue_notices
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.web.actors import find_actor
from tests.hub.making import NOW
from tests.hub.notice_making import Clock, Fleet
from tests.hub.programs import wait_until

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from hub.web.context import Hub

YEAR_MS = 366 * 86_400_000


@pytest.fixture(autouse=True)
def operator(app: FastAPI) -> None:
    """Let an operator ask."""
    actor = Actor("bea", (Relation("bea", Role.OPERATOR, None, 0),))
    app.dependency_overrides[find_actor] = lambda: actor


def test_mail_is_shown_to_no_stranger(app: FastAPI, client: TestClient) -> None:
    """Addresses are for those who send to them."""
    app.dependency_overrides.clear()
    assert client.get("/api/v1/notices").status_code == client.get("/api/v1/missing/2017-Q2").status_code == 401
    app.dependency_overrides[find_actor] = lambda: Actor("ann", ())
    assert client.get("/api/v1/notices").status_code == client.get("/api/v1/missing/2017-Q2").status_code == 403


def test_mails_are_listed_a_page_at_a_time(client: TestClient, hub: Hub) -> None:
    """The newest first, each with its state; the words of a mail are not shown."""
    fleet = Fleet({f"S-{number}": (f"p{number}@example.org",) for number in range(3)})
    queue_notices(hub.database, fleet.sources, "https://hub.example.org", Clock()())
    first = client.get("/api/v1/notices?limit=2").json()
    assert [one["to"] for one in first["notices"]] == ["p2@example.org", "p1@example.org"]
    rest = client.get(f"/api/v1/notices?limit=2&before={first['next']}").json()
    assert rest["next"] is None
    (last,) = rest["notices"]
    assert last == {
        "id": 1,
        "to": "p0@example.org",
        "name": "Ann",
        "occasion": "window_open",
        "month": "2023-10",
        "subject": "Please report October 2023 by 5 Nov, 23:59 EST: 1 system",
        "made_at": "2023-10-27T04:00:00Z",
        "useful_until": "2023-11-01T04:00:00Z",
        "state": "waiting",
        "attempts": [],
    }


def test_missing_production_of_a_quarter(client: TestClient, hub: Hub) -> None:
    """Months whose windows have closed, and the systems that lack them; 422 for what is no quarter."""
    register_system(hub.database, "S-1", "Barn roof", "7.5", NOW - YEAR_MS)
    register_meter(hub.database, MeterRequest("S-1", "", "M-1"), NOW - YEAR_MS)
    path = "/api/v1/missing/2017-Q2"
    # The hub's own first look may still go on: the later one has to come after it.
    wait_until(lambda: "missing production" in hub.counting.jobs, "the first look")
    draw_missing(hub.database, NOW + LATE_EVERY_MS)
    assert client.get(path).json() == {
        "quarter": "2017-Q2",
        "months": ["2017-04", "2017-05", "2017-06"],
        "number": 1,
        "looked_at": format_instant(NOW + LATE_EVERY_MS),
        "systems": [
            {
                "system": "S-1",
                "name": "Barn roof",
                "reporter": "",
                "account_holder": "",
                "capacity_w_dc": 7500,
                "months": ["2017-04", "2017-05", "2017-06"],
                "last": None,
            }
        ],
        "next": None,
    }
    assert client.get("/api/v1/missing/2017-Q3").json()["months"] == []
    refused = client.get("/api/v1/missing/2017")
    assert refused.status_code == 422
    assert "such as 2024-Q1" in refused.json()["detail"]
    past = client.get("/api/v1/missing/2010-Q1")
    assert (past.status_code, "meter-hub notices missing 2010-Q1" in past.json()["detail"]) == (422, True)
