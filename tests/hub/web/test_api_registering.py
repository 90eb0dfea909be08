"""What staff register through the API, and what becomes of it: the same rules as at the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.rules.permissions import Relation, Role
from hub.services.manage_people import add_account, relate_account
from hub.services.manage_tokens import issue_token
from hub.store.accounts import Account
from tests.hub.making import MadeDevice
from tests.hub.reporting import SYSTEM
from tests.hub.web.acting import DAY_MS, NOW

if TYPE_CHECKING:
    from tests.hub.web.acting import Api

NEW = "SLF-AB1234-00007"


@pytest.fixture
def staffed(api: Api) -> Api:
    """Return a hub with a second operator and an installer of the first system."""
    for name, role, system in (("cy", Role.OPERATOR, None), ("ivo", Role.INSTALLER, SYSTEM)):
        add_account(api.database, Account(name, name, "", NOW - DAY_MS, "test"))
        relate_account(api.database, Relation(name, role, system, NOW - DAY_MS), actor="test", now=NOW - DAY_MS)
        api.tokens[name] = issue_token(api.database, name, DAY_MS * 9, actor="test", now=NOW - DAY_MS)
    return api


def test_a_system_with_its_meter_and_device(staffed: Api) -> None:
    """From nothing to a meter that is read, with what is known of both in dated versions."""
    said = {"technology": "pv", "annual_kwh_estimated": "9000", "zip_code": "01608"}
    programme = {"programme": "srec_2", "programme_from_on": "2016-07-12", "factor": "0.8"}
    body = {"pts_id": NEW, "name": "Barn", "capacity_kw_dc": "7.5", "said": said, "programme": programme}
    for _ in range(2):
        made = staffed.post("bea", "systems", body)
        assert (made.status_code, made.json()["name"]) == (201, "Barn")
    device = MadeDevice()
    named = staffed.post("bea", "devices", {"key_pem": device.pem.decode(), "name": "Barn"}).json()
    meter = staffed.post("bea", f"systems/{NEW}/meters", {"serial": "WN-1", "device": named["device"]})
    assert (meter.status_code, meter.json()["is_das"]) == (201, True)
    known = {"make": "", "said": {"accuracy_class_percent": "0.5", "modulus_kwh": "100000"}, "reason": "name plate"}
    described = staffed.post("bea", f"systems/{NEW}/meters/WN-1/facts", known).json()
    assert (described["accuracy_class_ppm"], described["modulus_wh"]) == (5_000, 100_000_000)
    amended = {"effective_on": "2024-01-15", "reason": "four more panels", "said": {"capacity_kw_dc": "9.2"}}
    assert staffed.post("bea", f"systems/{NEW}/facts", amended).json()["capacity_w_dc"] == 9_200
    later = {"programme": {"programme": "class_1", "programme_from_on": "2026-07-01"}, "reason": "40 quarters"}
    assert staffed.post("bea", f"systems/{NEW}/programmes", later).json()["programme"] == "class_1"
    facts = staffed.get("bea", f"systems/{NEW}/facts?on=2024-01-31").json()
    assert (facts["facts"]["capacity_w_dc"], facts["programme"]["factor_percent"]) == (9_200, 80)
    log = staffed.get("bea", f"audit-log?subject={NEW}").json()["entries"]
    assert {one["actor"] for one in log} == {"bea"}
    assert len(log) == 5
    ended = staffed.post("bea", f"systems/{NEW}/meters/WN-1/end", {"at": "2024-01-20T12:00:00Z"})
    assert ended.status_code == 201


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("systems", {"pts_id": NEW, "capacity_kw_dc": "many"}, 422, "is not a capacity"),
        ("systems", {"pts_id": NEW, "capacity_kw_dc": "5", "said": {"colour": "red"}}, 422, "colour"),
        ("systems", {"pts_id": NEW, "capacity_kw_dc": "5", "said": {"is_funded": "maybe"}}, 422, "is_funded"),
        ("systems", {"pts_id": SYSTEM, "name": "Roof 1", "capacity_kw_dc": "5"}, 409, SYSTEM),
        (f"systems/{SYSTEM}/facts", {"effective_on": "soon", "reason": "x"}, 422, "soon"),
        (f"systems/{SYSTEM}/programmes", {"programme": {}}, 422, "name the programme"),
        (f"systems/{SYSTEM}/meters/X/facts", {}, 404, "its meters are PV-1"),
        ("exchanges/9/decision", {"approved": True}, 404, "no exchange 9"),
        ("devices", {"key_pem": "x"}, 422, "key"),
        ("months/2024-13/runs", {}, 422, "2024-13"),
        ("months/2024-01/runs", {"kind": "close"}, 422, "2024-01"),
        ("quarters/2024-Q1/exports", {}, 404, "nothing of 2024-Q1"),
        (f"systems/{SYSTEM}/months/2024-01/reviews", {"code": "X", "decision": "dismissed", "reason": "y"}, 404, "X"),
    ],
)
def test_what_cannot_be_is_said(staffed: Api, path: str, body: dict[str, object], status: int, says: str) -> None:
    """As problem details, and nothing is changed."""
    answer = staffed.post("bea", path, body)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["detail"]
    assert staffed.get("bea", "audit-log").json()["entries"][0]["action"] == "issue token"


def test_an_exchange_is_told_by_one_and_approved_by_another(staffed: Api) -> None:
    """The installer tells of it, an operator decides; who told may not, were they both."""
    body = {
        "serial": "PV-1",
        "at": "2024-01-20 12:00",
        "final_kwh": "700",
        "new_serial": "PV-9",
        "initial_kwh": "0",
        "evidence": "ab" * 32,
    }
    told = staffed.post("ivo", f"systems/{SYSTEM}/exchanges", body)
    assert told.status_code == 202
    number = told.json()["number"]
    assert staffed.get("ivo", "exchanges").status_code == 403
    assert len(staffed.get("bea", "exchanges?waiting=true").json()["exchanges"]) == 1
    assert staffed.post("ivo", f"exchanges/{number}/decision", {"approved": True}).status_code == 403
    done = staffed.post("bea", f"exchanges/{number}/decision", {"approved": True})
    assert (done.status_code, done.json()["decision"]["decided_by"]) == (201, "bea")
    assert staffed.get("bea", "exchanges?waiting=true").json()["exchanges"] == []
    own = staffed.post(
        "bea",
        f"systems/{SYSTEM}/exchanges",
        {**body, "serial": "PV-9", "new_serial": "PV-10", "at": "2024-01-21 12:00"},
    )
    refused = staffed.post("bea", f"exchanges/{own.json()['number']}/decision", {"approved": True})
    assert (refused.status_code, "somebody else must decide" in refused.json()["detail"]) == (422, True)


def test_people_are_managed_by_the_security_admin(staffed: Api) -> None:
    """An account, what it is, its token, its end; the log is whole."""
    assert staffed.post("sec", "accounts", {"account": "dee", "name": "Dee Fox"}).status_code == 201
    held = staffed.post("sec", "accounts/dee/relations", {"role": "auditor", "from_at": "2024-01-01 00:00"}).json()
    assert (held["role"], held["system"], held["from_at"]) == ("auditor", None, "2024-01-01T05:00:00Z")
    staffed.tokens["dee"] = staffed.post("sec", "accounts/dee/tokens", {"days": 1}).json()["token"]
    whole = staffed.get("dee", "audit-log/verification").json()
    assert (whole["broken"], whole["entries"] > 0) == (None, True)
    ended = staffed.post("sec", f"relations/{held['relation']}/end", {"reason": "left"})
    assert (ended.status_code, ended.json()["until_at"] is not None) == (201, True)
    assert staffed.get("dee", "audit-log/verification").status_code == 403
    assert staffed.post("bea", "accounts/dee/provider", {"approved": True, "reason": "on the list"}).status_code == 201
    assert staffed.get("ann", "providers").json() == {"providers": ["dee"]}


def test_a_month_is_gone_over_exported_and_drawn_up_again(staffed: Api) -> None:
    """December, which both systems reported."""
    run = staffed.post("bea", "months/2023-12/runs", {"kind": "close"})
    assert (run.status_code, run.json()["actor"], run.json()["reported"]) == (201, "bea", 2)
    verified = staffed.get("bea", "months/2023-12/verification").json()
    assert (verified["systems"], verified["differences"]) == (2, [])
    made = staffed.post("bea", "quarters/2023-Q4/exports", {"layout": "verification"})
    assert (made.status_code, made.json()["actor"]) == (201, "bea")


def test_a_table_is_brought_in_whole_or_not_at_all(staffed: Api) -> None:
    """First only looked at; with anything wrong nothing is changed."""
    good = b"pts_id,name,capacity_kw_dc\nA-1,Barn,7.5\nA-2,Shed,5\n"
    for query, saved in (("?dry_run=true", False), ("", True)):
        sent = staffed.client.post(
            f"/api/v1/imports/systems{query}", files={"file": ("two.csv", good)}, headers=staffed.headers("bea")
        ).json()
        assert (sent["rows"], sent["added"], sent["is_saved"]) == (2, 2, saved)
    bad = good.replace(b"A-1", b"A-3").replace(b",5\n", b",five\n")
    sent = staffed.client.post(
        "/api/v1/imports/systems", files={"file": ("two.csv", bad)}, headers=staffed.headers("bea")
    ).json()
    assert (sent["problems"], sent["is_saved"], sent["findings"][0]["line"]) == (1, False, 3)
    assert staffed.get("bea", "systems/A-3").status_code == 404


def test_the_raised_limit_is_set_by_an_operator_and_seen_by_all(staffed: Api) -> None:
    """It is law: who asks need not be known."""
    said = {"raised_on": "2024-01-01", "reason": "the help centre's notice"}
    assert staffed.post("bea", "manual-limits", said).status_code == 201
    limits = staffed.client.get("/api/v1/manual-limits").json()
    assert [(one["from_on"], one["pv_w_dc"]) for one in limits["limits"]] == [(None, 10_000), ("2024-01-01", 25_000)]
    assert limits["said"][0]["actor"] == "bea"
    assert staffed.post("bea", "manual-limits", {"raised_on": "soon", "reason": "x"}).status_code == 422
