"""What is known of systems and meters, by the API: on a day, and as it came to be known."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from hub.rules.details import SystemDetails
from hub.rules.facts import Programme, ProgrammeName
from hub.services.amend_system import Amendment, amend_system
from hub.services.decide_exchange import ExchangeDecision, decide_exchange
from hub.services.exchange_meter import ExchangeRequest, exchange_meter
from hub.services.set_programme import set_programme
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from hub.web.context import Hub

GREW_ON = date(2018, 3, 1)


def test_facts_are_those_of_a_day(filled: TestClient, hub: Hub) -> None:
    """With the programme of that day, and the history of both."""
    set_programme(hub.database, Programme(SYSTEM, ProgrammeName.SREC_2, date(2014, 5, 1)), NOW, "Ada")
    amend_system(hub.database, Amendment(SYSTEM, GREW_ON, "grew", SystemDetails(capacity_w_dc=9000)), NOW, "Ada")
    today = filled.get(f"/api/v1/systems/{SYSTEM}/facts").json()
    assert (today["on"], today["facts"]["capacity_w_dc"], today["programme"]["programme"]) == (
        "2017-07-13",
        7500,
        "srec_2",
    )
    later = filled.get(f"/api/v1/systems/{SYSTEM}/facts", params={"on": "2018-03-01"}).json()
    assert (later["facts"]["capacity_w_dc"], later["facts"]["effective_on"]) == (9000, "2018-03-01")
    assert [one["capacity_w_dc"] for one in later["versions"]] == [7500, 9000]
    assert later["versions"][1]["recorded"] == {"actor": "Ada", "recorded_at": "2017-07-14T02:40:00Z", "reason": "grew"}
    assert [one["factor_percent"] for one in later["programmes"]] == [100]
    before = filled.get(f"/api/v1/systems/{SYSTEM}/facts", params={"on": "1969-01-01"}).json()
    assert (before["facts"]["capacity_w_dc"], before["programme"]) == (7500, None)


def test_meters_come_with_their_exchanges(filled: TestClient, hub: Hub) -> None:
    """An exchange shows what was asked and what was decided."""
    request = ExchangeRequest(SYSTEM, "WN-1001", JULY_AT, 5_000_000, "WN-2002", 12, "ab" * 32)
    asked = exchange_meter(hub.database, request, NOW, "Ada")
    waiting = filled.get(f"/api/v1/systems/{SYSTEM}/meters").json()
    assert ([one["serial"] for one in waiting["meters"]], waiting["exchanges"][0]["decision"]) == (["WN-1001"], None)
    decide_exchange(hub.database, ExchangeDecision(asked.number, is_approved=True), NOW, "Bob")
    done = filled.get(f"/api/v1/systems/{SYSTEM}/meters").json()
    assert [(one["serial"], one["ended_at"], one["initial_wh"]) for one in done["meters"]] == [
        ("WN-1001", "2016-07-01T04:00:00Z", None),
        ("WN-2002", None, 12),
    ]
    assert done["exchanges"][0]["decision"]["decided_by"] == "Bob"


def test_what_cannot_be_asked_is_a_problem(filled: TestClient) -> None:
    """One sentence with the right status."""
    assert filled.get("/api/v1/systems/NOPE/facts").status_code == 404
    assert filled.get("/api/v1/systems/NOPE/meters").status_code == 404
    answer = filled.get(f"/api/v1/systems/{SYSTEM}/facts", params={"on": "7/1/2016"})
    assert (answer.status_code, "YYYY-MM-DD" in answer.json()["detail"]) == (422, True)
