"""Alerts on their page, through the API and on the command line: who sees them, and who answers."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.cli import alerts as alerts_cli
from hub.config import Address, HubSettings
from hub.errors import InputError
from hub.rules.instants import format_instant
from hub.rules.permissions import Role
from hub.services.accept_blocks import accept_blocks
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.manage_tokens import issue_token
from hub.services.register_device import register_device
from tests.hub.making import JULY_AT, NOW, TERMS, made_log
from tests.hub.reporting import SYSTEM, add_system
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

DAY_MS = 86_400_000
LATER = NOW + DAY_MS + 600_000
PEOPLE = {"bea": (Role.OPERATOR, None), "aud": (Role.AUDITOR, None), "owner": (Role.SYSTEM_OWNER, SYSTEM)}
UNTIL = "2017-07-20 12:00"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub whose device is silent, and that has no backup."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0)), now=lambda: LATER)
    database = app.state.hub.database
    add_system(database)
    device = made_log([5, 9])
    register_device(database, device.pem, "Barn", NOW)
    accept_blocks(database, device.arrivals(), TERMS, NOW)
    for minutes in (6, 0):
        evaluate_alerts(database, 0, LATER - minutes * 60_000)
    let_in(app, PEOPLE, JULY_AT)
    return app


def number_of(page: str, title: str) -> str:
    """Return the number of the alert with this title."""
    (found,) = re.findall(rf'<a href="/alerts/(\d+)">{title}</a>', page)
    return str(found)


def test_an_alert_says_why_and_what_to_do_and_is_answered(app: FastAPI) -> None:
    """What is wrong keeps what was typed; looked after, it stands elsewhere, with who does what."""
    bea = signed_in(app, "bea")
    page = html.unescape(bea.get("/alerts").text)
    assert "Barn was last heard" in page
    assert "call the site before the window closes" in page
    number = number_of(page, "A device is silent")
    refused = bea.send("/alerts", alert=number, reason="called them", until="tomorrow")
    assert (refused.status_code, 'value="called them"' in refused.text) == (422, True)
    assert bea.send("/alerts", alert=number, reason="called them", until=UNTIL).headers["location"] == "/alerts"
    assert "A device is silent" not in bea.get("/alerts?standing=firing").text
    assert "A device is silent" in bea.get("/alerts?standing=acknowledged").text
    told = html.unescape(bea.get(f"/alerts/{number}").text)
    assert "called them" in told
    assert "acknowledged until" in told
    assert [bea.get(path).status_code for path in ("/alerts/99", "/alerts/0", "/alerts?before=0")] == [404, 422, 422]


def test_all_of_a_rule_are_looked_after_at_once(app: FastAPI) -> None:
    """By one word; where none fires it says so."""
    bea = signed_in(app, "bea")
    assert bea.send("/alerts", rule="device_silent", reason="storm", until=UNTIL).status_code == 303
    assert "no alert of device_silent fires" in bea.send("/alerts", rule="device_silent", reason="x", until=UNTIL).text
    assert bea.send("/alerts", rule="boredom", reason="x", until=UNTIL).status_code == 422


def test_something_is_muted_for_a_while(app: FastAPI) -> None:
    """And comes back when the silence is ended."""
    bea = signed_in(app, "bea")
    refused = bea.send("/silences", rule="", subject="", until=UNTIL, reason="peace")
    assert ("never muted" in refused.text, 'value="peace"' in refused.text) == (True, True)
    assert bea.send("/silences", rule="backup_stale", until=UNTIL, reason="moving").headers["location"] == "/alerts"
    assert "moving" in bea.get("/alerts").text
    assert "The last verified backup is old" in bea.get("/alerts?standing=silenced").text
    assert bea.send("/silences/1/end", reason="").status_code == 422
    assert bea.send("/silences/1/end", reason="moved").status_code == 303
    assert "The last verified backup is old" in bea.get("/alerts?standing=firing").text


def test_an_auditor_looks_and_an_owner_does_not(app: FastAPI) -> None:
    """Neither answers."""
    aud, owner = signed_in(app, "aud"), signed_in(app, "owner")
    assert "Look after it" not in aud.get("/alerts").text
    assert owner.get("/alerts").status_code == 403
    for browser in (aud, owner):
        doors = ("/alerts", "/silences", "/silences/1/end")
        assert [browser.send(path, reason="x", until=UNTIL).status_code for path in doors] == [403] * 3


def test_the_api_says_and_does_the_same(app: FastAPI) -> None:
    """With a token, in JSON."""
    client = signed_in(app, "bea").client
    token = issue_token(app.state.hub.database, "bea", DAY_MS, actor="test", now=LATER)
    headers, until = {"authorization": f"Bearer {token}"}, format_instant(LATER + DAY_MS)
    (alert,) = [
        one
        for one in client.get("/api/v1/alerts?standing=firing", headers=headers).json()["alerts"]
        if one["rule"] == "device_silent"
    ]
    body = {"alerts": [alert["alert"]], "until": until, "reason": "called"}
    done = client.post("/api/v1/alerts/acknowledgements", json=body, headers=headers).json()
    assert [one["standing"] for one in done["alerts"]] == ["acknowledged"]
    muted = client.post(
        "/api/v1/silences", json={"subject": alert["subject"], "until": until, "reason": "x"}, headers=headers
    )
    assert (muted.status_code, muted.json()["rule"]) == (201, None)
    assert len(client.get("/api/v1/silences", headers=headers).json()["silences"]) == 1
    ended = client.post(f"/api/v1/silences/{muted.json()['silence']}/end", json={"reason": "x"}, headers=headers)
    assert ended.status_code == 204
    assert client.get("/api/v1/alerts?standing=resolved", headers=headers).json() == {"alerts": [], "next": None}


def test_the_command_line(app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a hub or without one."""
    app.state.hub.database.close()
    monkeypatch.setattr(alerts_cli, "now_ms", lambda: LATER)
    line, until = Line(tmp_path / "hub", monkeypatch), format_instant(LATER + DAY_MS)
    found = {one["rule"]: one for one in line.ask("alerts", "list")["alerts"]}
    assert found["device_silent"]["standing"] == "firing"
    assert "Barn was last heard" in line.say("alerts", "list", "--no-look", "--standing", "firing")
    number = str(found["device_silent"]["alert"])
    done = line.ask("alerts", "ack", number, "--until", until, "--reason", "called")["alerts"]
    assert [one["standing"] for one in done] == ["acknowledged"]
    assert "looked after until" in line.say("alerts", "ack", number, "--until", until, "--reason", "again")
    assert line.ask("alerts", "silence", "--rule", "backlog", "--until", until, "--reason", "x")["silence"] == 1
    assert "silence 2" in line.say("alerts", "silence", "--subject", "d1", "--until", until, "--reason", "x")
    assert len(line.ask("alerts", "unsilence", "1", "--reason", "x")["silences"]) == 1
    assert "0 are left" in line.say("alerts", "unsilence", "2", "--reason", "x")
    assert line.ask("alerts", "list", "--standing", "resolved")["alerts"] == []
    with pytest.raises(InputError, match="never muted"):
        line.say("alerts", "silence", "--until", until, "--reason", "x")
