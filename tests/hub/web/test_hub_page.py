"""The page of the hub itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.instants import format_instant
from hub.rules.permissions import Relation, Role
from hub.services.answer_state import answer_state
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.manage_people import add_account, relate_account
from hub.services.manage_tokens import issue_token
from hub.services.register_device import register_device
from hub.services.set_password import make_link, set_password
from hub.store import backups
from hub.store.accounts import Account
from hub.store.backups import Drill
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice
from tests.hub.programs import HOST
from tests.hub.web.acting import PASSWORD, Browser

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

DAY_MS = 86_400_000
MANY = 2
PEOPLE = {"bea": Role.OPERATOR, "aud": Role.AUDITOR}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with two devices, of which one was heard."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0)), now=lambda: NOW)
    database = app.state.hub.database
    devices = [MadeDevice(seed) for seed in range(1, MANY + 1)]
    for place, device in enumerate(devices):
        register_device(database, device.pem, f"Site {place:02d}", NOW)
    answer_state(database, devices[0].id, devices[0].state(), terms=TERMS, now=NOW, retained=False)
    for name, role in PEOPLE.items():
        add_account(database, Account(name, name.title(), "", NOW, "test"))
        relate_account(database, Relation(name, role, None, JULY_AT), actor="test", now=NOW)
        set_password(database, make_link(database, name, actor="test", now=NOW), PASSWORD, NOW)
    return app


def signed_in(app: FastAPI, name: str) -> Browser:
    """Return somebody's browser."""
    browser = Browser(app, [NOW])
    browser.sign_in(name)
    browser.enrol(name)
    return browser


def test_the_hub_says_how_it_does(app: FastAPI) -> None:
    """Checks, jobs, what it keeps, and which agents run, from where one goes on to the devices."""
    hub = app.state.hub
    page = signed_in(app, "aud").get("/hub").text
    for said in (
        "It can do its work",
        "none: devices keep all",
        "Not looked at yet",
        "None has ended since",
        "hears no b",
    ):
        assert said in page, said
    with hub.counting.job("alerts"):
        hub.counting.versions = evaluate_alerts(hub.database, 0, NOW).versions
    bea = signed_in(app, "bea")
    page = bea.get("/hub").text
    (version,) = hub.counting.versions
    assert ("alerts" in page, f'href="/devices?version={version}"' in page) == (True, True)
    found = bea.get(f"/devices?version={version}").text
    assert ("Site 00" in found, "Site 01" in found) == (True, False)
    token = issue_token(hub.database, "bea", DAY_MS, actor="test", now=NOW)
    told = bea.client.get("/api/v1/hub", headers={"authorization": f"Bearer {token}"}).json()
    assert (told["versions"], [one["job"] for one in told["jobs"]]) == ({version: 1}, ["alerts"])
    assert all(check["ok"] for check in told["checks"])
    assert ("meter-hub drill" in page, told["restore_drilled_at"]) == (True, None)
    with hub.database.write() as connection:
        backups.add_drill(connection, Drill(NOW, "/mnt/backup", NOW - DAY_MS, 1234, 5))
    told = bea.client.get("/api/v1/hub", headers={"authorization": f"Bearer {token}"}).json()
    assert told["restore_drilled_at"] == format_instant(NOW)
    assert "1,234 blocks" in bea.get("/hub").text
