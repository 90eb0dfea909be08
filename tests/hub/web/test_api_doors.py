"""Every door of the API that changes something: closed to who shows no token, and to who is nothing to the hub."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import APIRoute

from hub.services.manage_people import add_account
from hub.services.manage_tokens import issue_token
from hub.store import audit_log
from hub.store.accounts import Account
from hub.web.routers import ROUTERS
from tests.hub.reporting import SYSTEM
from tests.hub.web.acting import DAY_MS, NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.hub.web.acting import Api

ROUTES = [
    route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.path.startswith("/api/v1")
]
WRITING = [route for route in ROUTES if "POST" in (route.methods or ())]
FOR_ANYBODY_KNOWN = {"/api/v1/photos", "/api/v1/documents"}
"""What is sent there is nobody's yet: it counts once it is named where one may act."""
VALUES = {
    "pts_id": SYSTEM,
    "month": "2024-01",
    "quarter": "2024-Q1",
    "layout": "systems",
    "account": "ann",
    "token": "0" * 12,
    "serial": "PV-1",
    "number": "1",
    "device": "00" * 8,
    "threshold": "device_silent_hours",
}
BODIES: Mapping[str, Mapping[str, Any]] = {
    "readings": {"register_kwh": "1"},
    "readings/preview": {"register_kwh": "1"},
    "corrections": {"register_kwh": "1", "reason": "x"},
    "decision": {"approved": True, "reason": "x"},
    "experience": {},
    "audits": {"register_kwh": "1", "audited_at": "2024-01-31 15:00", "auditor": "x"},
    "changes": {"role": "reporter", "reason": "x"},
    "steps": {"step": "approve"},
    "forwarding": {},
    "verdict": {"verdict": "taken", "reason": "x"},
    "anew": {"reason": "x"},
    "systems": {"pts_id": "X-1", "capacity_kw_dc": "5"},
    "facts": {"effective_on": "2024-01-01", "reason": "x"},
    "programmes": {"programme": {"programme": "srec_1", "programme_from_on": "2024-01-01"}},
    "meters": {"serial": "PV-9"},
    "meters/{serial}/facts": {},
    "acknowledgements": {"alerts": [1], "until": "2024-02-01T00:00:00Z", "reason": "x"},
    "silences": {"rule": "backlog", "until": "2024-02-01T00:00:00Z", "reason": "x"},
    "words": {"word": "retire", "reason": "x"},
    "tags": {"add": ["x"]},
    "bulks": {"action": "retire", "reason": "x"},
    "cancel": {"reason": "x"},
    "commissioning": {"dial_kwh": "1", "at": "2024-01-02 12:00"},
    "end": {"at": "2024-01-01T00:00:00Z", "reason": "x"},
    "exchanges": {
        "serial": "PV-1",
        "at": "2024-01-02 12:00",
        "final_kwh": "1",
        "new_serial": "PV-9",
        "initial_kwh": "0",
        "evidence": "ab" * 32,
    },
    "devices": {"key_pem": "x"},
    "manual-limits": {"reason": "x"},
    "resolution": {},
    "runs": {},
    "reviews": {"code": "BELOW_EXPECTED", "decision": "dismissed", "reason": "x"},
    "exports": {},
    "accounts": {"account": "new"},
    "relations": {"role": "operator"},
    "tokens": {},
    "provider": {"approved": True, "reason": "x"},
    "disabled": {"disabled": True, "reason": "x"},
    "thresholds/{threshold}/changes": {"value": 30, "reason": "x"},
    "channels": {"way": "mail", "target": "a@example.org"},
    "test": {},
    "invitation": {},
    "password-links": {},
    "replay": {},
}


def path_of(route: APIRoute) -> str:
    """Return a route's path with a value for each of its parts."""
    return re.sub(r"\{(\w+)\}", lambda part: VALUES[part[1]], route.path)


def send(api: Api, route: APIRoute, headers: Mapping[str, str]) -> int:
    """Knock at a door with something that it would take, and return its answer's status."""
    if re.search(r"/(photos|documents|imports/\{layout\})$", route.path):
        files = {"file": ("a.csv", b"pts_id,name,capacity_kw_dc\n")}
        return api.client.post(path_of(route), files=files, headers=dict(headers)).status_code
    ends = sorted((name for name in BODIES if route.path.endswith(f"/{name}")), key=len)
    return api.client.post(path_of(route), json=BODIES[ends[-1]], headers=dict(headers)).status_code


def test_there_are_doors() -> None:
    """So that the others test something."""
    assert len(WRITING) > 30


@pytest.mark.parametrize("route", WRITING, ids=lambda route: route.path)
def test_a_door_that_changes_something_is_closed_to_strangers(api: Api, route: APIRoute) -> None:
    """401 without a token; with one of somebody who is nothing here 403, or 404 where not even the thing is told of."""
    name = add_account(api.database, Account("nobody", "No Body", "", NOW - DAY_MS, "test")).name
    token = issue_token(api.database, name, DAY_MS, actor="test", now=NOW - 1)
    with api.database.read() as connection:
        before = audit_log.list_audit(connection, limit=1)
    assert send(api, route, {}) == 401
    status = send(api, route, {"authorization": f"Bearer {token}"})
    if route.path in FOR_ANYBODY_KNOWN:
        assert status in {201, 422}
    elif "/readings" in route.path:
        # A reading that is refused is an act of reporting, and kept as that.
        assert status in {200, 422}
        return
    else:
        assert status in {403, 404}
    with api.database.read() as connection:
        assert audit_log.list_audit(connection, limit=1) == before
