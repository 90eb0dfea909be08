"""The page of the hub itself, and what is said of many devices at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.cli import device_stage
from hub.config import Address, HubSettings
from hub.errors import InputError
from hub.fleet.lifecycle import Said, Word
from hub.rules.instants import format_instant
from hub.rules.permissions import Relation, Role
from hub.services import say_of_devices as service
from hub.services.answer_state import answer_state
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.manage_people import add_account, relate_account
from hub.services.manage_tokens import issue_token
from hub.services.register_device import register_device
from hub.services.say_of_device import say_of_device
from hub.services.set_password import make_link, set_password
from hub.store import audit_log, backups, device_words
from hub.store.accounts import Account
from hub.store.backups import Drill
from hub.store.device_list import DeviceFilter
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice
from tests.hub.programs import HOST
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import PASSWORD, Browser

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

DAY_MS = 86_400_000
UNTIL = NOW + DAY_MS
MANY = 30
PEOPLE = {"bea": Role.OPERATOR, "aud": Role.AUDITOR}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with thirty devices, of which one was heard and one is decommissioned."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0)), now=lambda: NOW)
    database = app.state.hub.database
    devices = [MadeDevice(seed) for seed in range(1, MANY + 1)]
    for place, device in enumerate(devices):
        register_device(database, device.pem, f"Site {place:02d}", NOW)
    say_of_device(database, devices[-1].text, Said(Word.RETIRE), actor="test", now=NOW, reason="gone")
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


def words(app: FastAPI) -> dict[bytes, Said]:
    """Return the last word on each device."""
    with app.state.hub.database.read() as connection:
        return {bytes(device): said for device, said in device_words.last_words(connection).items()}


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


def test_what_is_said_of_all_that_match_is_one_act(app: FastAPI) -> None:
    """Only with their number; of one that it cannot be said of nothing is; the log has the filter and every id."""
    bea = signed_in(app, "bea")
    form = bea.get("/devices/all?search=Site+0")
    assert "10 devices match" in form.text
    typed = {"word": "maintain", "until": format_instant(UNTIL), "reason": "network works"}
    for number, wrong in (("9", "10 devices match, that is not 9"), ("ten", "no number of devices")):
        refused = bea.send("/devices/all?search=Site+0", **typed, number=number)
        assert (refused.status_code, wrong in refused.text, 'value="network works"' in refused.text) == (
            422,
            True,
            True,
        )
    assert len(words(app)) == 1
    done = bea.send("/devices/all?search=Site+0", **typed, number="10")
    assert done.headers["location"] == "/devices?search=Site+0"
    said = words(app)
    assert sum(one == Said(Word.MAINTAIN, UNTIL) for one in said.values()) == 10
    every = bea.send("/devices/all?", **typed, number="30")
    assert every.status_code == 303
    assert sorted(one.word for one in words(app).values()).count(Word.MAINTAIN) == MANY - 1
    with app.state.hub.database.read() as connection:
        entries = audit_log.list_audit(connection, action="maintain devices")
    assert [entry.after.count('"search":"Site 0"') for entry in entries] == [0, 1]
    assert entries[1].after.count(",") >= 9


def test_the_api_counts_before_it_does(app: FastAPI) -> None:
    """A dry run changes nothing; more than twenty, and any decommissioning, want their number."""
    client = signed_in(app, "bea").client
    token = issue_token(app.state.hub.database, "bea", DAY_MS, actor="test", now=NOW)
    headers = {"authorization": f"Bearer {token}"}

    def post(**body: object) -> tuple[int, dict[str, object]]:
        answer = client.post("/api/v1/words", json={"reason": "x", **body}, headers=headers)
        return answer.status_code, answer.json()

    status, told = post(word="retire", dry_run=True)
    assert (status, told["dry_run"], len(told["changed"]), len(told["left"])) == (201, True, MANY - 1, 1)  # type: ignore[arg-type]  # lists
    assert len(words(app)) == 1
    assert "name their number" in str(post(word="retire", search="Site 01")[1]["detail"])
    assert "name their number" in str(post(word="maintain", until=format_instant(UNTIL))[1]["detail"])
    assert post(word="maintain", until=format_instant(UNTIL), search="Site 0")[0] == 201
    assert "no device matches" in str(post(word="retire", search="nowhere")[1]["detail"])
    assert "only a maintained or decommissioned" in str(post(word="resume", search="Site 11")[1]["detail"])
    assert post(word="retire", search="Site 01", number=1)[0] == 201


def test_too_many_are_done_in_parts(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """And none of them before that."""
    monkeypatch.setattr(service, "DEVICES_MAX", 5)
    asked = service.ManyDevices(DeviceFilter(), Said(Word.MAINTAIN, UNTIL), 6)
    with pytest.raises(InputError, match="more than 5 devices match: narrow them down"):
        service.say_of_devices(app.state.hub.database, asked, actor="bea", now=NOW, reason="x")
    assert len(words(app)) == 1


def test_the_command_line_does_the_same(app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a dry run first."""
    line = Line(tmp_path / "hub", monkeypatch)
    monkeypatch.setattr(device_stage, "now_ms", lambda: NOW)
    monkeypatch.setattr(device_stage, "actor", lambda: "cli:olga")
    given = ("device", "say-all", "maintain", "--until", format_instant(UNTIL), "--reason", "x", "--search", "Site 2")
    assert "maintain would be said of 9 devices; it cannot be said of 1 others" in line.say(*given, "--dry-run")
    assert len(words(app)) == 1
    assert len(line.ask(*given)["changed"]) == 9
    assert len(words(app)) == 10


def test_an_auditor_says_nothing_of_devices(app: FastAPI) -> None:
    """And is shown no way to it."""
    aud = signed_in(app, "aud")
    assert "/devices/all" not in aud.get("/devices").text
    assert aud.get("/devices/all").status_code == 403
    assert aud.send("/devices/all", word="retire", reason="x", number="30").status_code == 403
