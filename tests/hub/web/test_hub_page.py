"""The page of the hub itself."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from hub.app import build_app
from hub.config import Address, CertificateFile, HubSettings
from hub.counting import Growth
from hub.errors import StoreUnavailableError
from hub.jobs import AlertJob
from hub.rules.instants import format_instant
from hub.rules.permissions import Role
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.manage_tokens import issue_token
from hub.services.register_device import register_device
from hub.store import backups
from hub.store.backups import Backup, Drill
from tests.hub.certifying import make_certificate
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter
from tests.hub.programs import HOST
from tests.hub.web.acting import let_in, signed_in
from tests.hub.web.test_metrics import scrape, value

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

DAY_MS = 86_400_000
MANY = 2
PEOPLE = {"bea": (Role.OPERATOR, None), "aud": (Role.AUDITOR, None)}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with two devices, of which one was heard."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0)), now=lambda: NOW)
    database = app.state.hub.database
    devices = [MadeDevice(seed) for seed in range(1, MANY + 1)]
    for place, device in enumerate(devices):
        register_device(database, device.pem, f"Site {place:02d}", NOW)
    answer_state(database, devices[0].id, devices[0].state(), terms=TERMS, now=NOW, retained=False)
    let_in(app, PEOPLE, JULY_AT)
    return app


def test_the_hub_says_how_it_does(app: FastAPI) -> None:
    """Checks, jobs, what it keeps, and which agents run, from where one goes on to the devices."""
    hub = app.state.hub
    page = signed_in(app, "aud").get("/hub").text
    for said in (
        "1\u00a0thing to mend",
        "No backup was ever verified",
        "none: devices keep all",
        "Not looked at yet",
        "not looked at yet",
        "None has ended since",
        "hears no b",
        "no broker is heard",
        "none since the hub was started",
        "known once the hub has run for a day",
    ):
        assert said in page, said
    AlertJob(hub.database, hub.counting, hub.now).run(lambda: False)
    with hub.counting.job("alerts"):
        pass
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
    assert ([one[:9] for one in told["faults"]], told["alerts"]) == (["No backup"], {})
    assert [told[name] for name in ("ingest_lag_seconds", "commits", "growth", "days_left")] == [None] * 4
    assert ("meter-hub drill" in page, told["restore_drilled_at"]) == (True, None)
    with hub.database.write() as connection:
        backups.add_drill(connection, Drill(NOW, "/mnt/backup", NOW - DAY_MS, 1234, 5))
    told = bea.client.get("/api/v1/hub", headers={"authorization": f"Bearer {token}"}).json()
    assert told["restore_drilled_at"] == format_instant(NOW)
    assert "1,234 blocks" in bea.get("/hub").text


def test_the_hub_says_what_goes_wrong(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that fail with since when and why, how it grows, how long commits take; and when nothing is to mend."""
    hub = app.state.hub
    with hub.database.write() as connection:
        backups.add_backup(connection, Backup(NOW, NOW, "/mnt/other", b"t", 12, 34))
    bea = signed_in(app, "bea")
    assert "It can do its work." in bea.get("/hub").text
    device = MadeDevice()
    device.seal(make_meter(serial="NOT-OURS"))
    accept_blocks(hub.database, device.arrivals(), TERMS, NOW)
    AlertJob(hub.database, hub.counting, hub.now).run(lambda: False)
    assert '<a href="/alerts">2 pending</a>' in bea.get("/hub").text
    why = "the disk is full"
    with pytest.raises(StoreUnavailableError), hub.counting.job("mail"):
        raise StoreUnavailableError(why)
    with hub.counting.batch():
        pass
    monkeypatch.setattr(hub.counting, "growth", lambda: Growth(NOW - DAY_MS, 10**15))
    page = bea.get("/hub").text
    for said in (
        "2\u00a0things to mend.",
        "The job mail has failed since",
        "<strong>fails</strong> since",
        "not since the start",
        "half of the last 1 took up to ",
        "so there is room for no\u00a0days",
    ):
        assert said in page, said
    token = issue_token(hub.database, "bea", DAY_MS, actor="test", now=NOW)
    told = bea.client.get("/api/v1/hub", headers={"authorization": f"Bearer {token}"}).json()
    assert told["failing_jobs"] == [{"job": "mail", "since": format_instant(NOW), "why": why}]
    assert (told["days_left"], told["growth"]["bytes_per_day"], told["commits"]["number"]) == (0, 10**15, 1)
    monkeypatch.setattr(hub.counting, "growth", lambda: Growth(NOW - DAY_MS, -5))
    assert "none since" in bea.get("/hub").text
    monkeypatch.setattr(shutil, "disk_usage", _no_disk)
    monkeypatch.setattr(hub.counting, "growth", lambda: Growth(NOW - DAY_MS, 5))
    assert "nobody can tell how much room" in bea.get("/hub").text


def test_certificates_that_are_watched_are_told_of(tmp_path: Path) -> None:
    """Until when they are good, on the page, through the API and to whoever scrapes; or that they cannot be read."""
    good, missing = tmp_path / "good.pem", tmp_path / "missing.crl"
    ends = datetime.fromtimestamp(NOW // 1000, UTC) + timedelta(days=100)
    good.write_bytes(make_certificate(ends))
    settings = HubSettings(
        tmp_path / "hub",
        broker=None,
        listen=Address(HOST, 0),
        is_open=True,
        certificates=(CertificateFile("pages", good),),
        crl=missing,
    )
    app = build_app(settings, now=lambda: NOW)
    hub = app.state.hub
    AlertJob(hub.database, hub.counting, hub.now, settings).run(lambda: False)
    client = TestClient(app, client=(HOST, 1))
    page = client.get("/hub").text
    for said in ("<dt>Pages</dt><dd>good until", "<strong>cannot be read</strong>", "revocation list cannot be read:"):
        assert said in page, said
    told = client.get("/api/v1/hub").json()["certificates"]
    until = int(ends.timestamp())
    assert told == [
        {"use": "pages", "until": format_instant(until * 1000)},
        {"use": "revocation list", "until": None},
    ]
    series = scrape(client)
    assert value(series, "certificate_expiry_timestamp_seconds", use="pages") == until
    assert value(series, "crl_next_update_timestamp_seconds") == 0


def _no_disk(path: object) -> None:
    raise FileNotFoundError(path)
