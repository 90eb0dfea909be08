"""What only pages showed before: one alert, a month of all systems, an installer's jobs, what proves an exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.alerting.life import Episode
from hub.alerting.rules import Code, Severity
from hub.documents import keep_document
from hub.rules.closing import RunKind
from hub.rules.permissions import Relation, Role
from hub.services.close_month import close_month
from hub.services.exchange_meter import ExchangeRequest, exchange_meter
from hub.services.manage_people import add_account, relate_account
from hub.services.manage_tokens import issue_token
from hub.store import alerts
from hub.store.accounts import Account
from tests.hub.reporting import JAN, OTHER, SYSTEM
from tests.hub.web.acting import DAY_MS, NOW
from tests.hub.web.conftest import wait_for_jobs

if TYPE_CHECKING:
    from tests.hub.web.acting import Api

PROOF = b"%PDF-1.7\n%%EOF\n"
DECEMBER = JAN.previous()


def hire(api: Api, name: str, role: Role, system: str | None) -> None:
    """Add somebody with a role and a token."""
    add_account(api.database, Account(name, name.title(), "", NOW - DAY_MS, "test"))
    relate_account(api.database, Relation(name, role, system, NOW - DAY_MS), actor="test", now=NOW - DAY_MS)
    api.tokens[name] = issue_token(api.database, name, DAY_MS, actor="test", now=NOW - 1)


@pytest.fixture
def sites(api: Api) -> Api:
    """Return the hub with an installer at each system; the one at the first told of an exchange."""
    hire(api, "ian", Role.INSTALLER, SYSTEM)
    hire(api, "ivy", Role.INSTALLER, OTHER)
    evidence = keep_document(api.client.app.state.hub.settings.data_folder, PROOF)  # type: ignore[attr-defined]
    told = ExchangeRequest(SYSTEM, "PV-1", NOW - DAY_MS // 2, 900_000, "PV-9", 0, evidence)
    exchange_meter(api.database, told, NOW, "ian")
    return api


@pytest.mark.parametrize(
    ("who", "systems"), [("ian", [SYSTEM]), ("ivy", [OTHER]), ("bea", [SYSTEM, OTHER]), ("ann", None), ("sec", None)]
)
def test_jobs_are_those_of_the_systems_where_one_works(sites: Api, who: str, systems: list[str] | None) -> None:
    """An installer's own, all of them for staff, and none for who does no such work."""
    answer = sites.get(who, "jobs")
    if systems is None:
        assert answer.status_code == 403
        return
    assert [one["system"] for one in answer.json()["jobs"]] == systems
    for job in answer.json()["jobs"]:
        assert job["exchanges"] == ([1] if job["system"] == SYSTEM else [])
        assert [(one["waits"], one["verdict"]) for one in job["meters"]] == [(False, None)]


@pytest.mark.parametrize(
    ("who", "status"), [("ian", 200), ("bea", 200), ("ivy", 403), ("ann", 403), ("owner", 403), ("sec", 403)]
)
def test_what_proves_an_exchange_is_for_who_told_and_who_decides(sites: Api, who: str, status: int) -> None:
    """As a file to be saved; another installer is nothing to it."""
    answer = sites.get(who, "exchanges/1/evidence")
    assert answer.status_code == status
    if status == 200:
        assert answer.content == PROOF
        assert answer.headers["content-disposition"].startswith("attachment")
    assert sites.get(who, "exchanges/2/evidence").status_code == 404


def test_a_month_of_all_systems_is_walked_by_pages(api: Api) -> None:
    """Of all or of those in one state; for those who see all."""
    close_month(api.database, DECEMBER, RunKind.PROVISIONAL, actor="test", now=NOW)
    address = f"months/{DECEMBER}/systems"
    whole = api.get("bea", address).json()
    assert [one["system"] for one in whole["systems"]] == [SYSTEM, OTHER]
    assert {one["month"] for one in whole["systems"]} == {str(DECEMBER)}
    first = api.get("bea", f"{address}?limit=1").json()
    second = api.get("bea", f"{address}?limit=1&after={first['next']}").json()
    assert first["systems"] + second["systems"] == whole["systems"]
    (state,) = {one["state"] for one in whole["systems"]}
    assert api.get("bea", f"{address}?state={state}").json()["systems"] == whole["systems"]
    assert api.get("bea", f"{address}?state=missing").json()["systems"] == []
    assert [api.get(who, address).status_code for who in ("ann", "owner", "sec")] == [403] * 3


def test_one_alert_is_shown_with_what_people_said_of_it(api: Api) -> None:
    """While it is open and when it is over; for those who see all."""
    # The hub's own first look would end what it does not see.
    wait_for_jobs(api.app.state.hub)
    for ended_at in (None, NOW):
        with api.database.write() as connection:
            alerts.add_episodes(connection, [Episode(Code.BACKLOG, "x", Severity.WARNING, "y", 1, 1, 1, ended_at)])
    body = {"alerts": [1], "until": "2024-02-01T12:00:00Z", "reason": "looking"}
    assert api.post("bea", "alerts/acknowledgements", body).status_code == 201
    shown = api.get("bea", "alerts/1").json()
    assert (shown["standing"], [one["actor"] for one in shown["acknowledgements"]]) == ("acknowledged", ["bea"])
    over = api.get("bea", "alerts/2").json()
    assert (over["standing"], over["acknowledgements"]) == ("resolved", [])
    assert [api.get(who, "alerts/1").status_code for who in ("ann", "owner", "sec")] == [403] * 3
    assert api.get("bea", "alerts/3").status_code == 404
