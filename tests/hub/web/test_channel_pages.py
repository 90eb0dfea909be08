"""Channels on their pages, through the API and on the command line: who makes them, and what became of messages."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.cli import channels as channels_cli
from hub.config import Address, HubSettings
from hub.errors import InputError, UnknownSubjectError
from hub.rules.permissions import Role
from hub.services.manage_tokens import issue_token
from hub.services.send_dispatches import Doors, send_dispatches
from tests.hub.making import JULY_AT, NOW
from tests.hub.programs import HOST
from tests.hub.receiving import Receiver
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

    from hub.services.send_dispatches import Delivery

DAY_MS = 86_400_000
PEOPLE = {"bea": (Role.OPERATOR, None), "aud": (Role.AUDITOR, None)}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub that may send webhooks to this machine."""
    settings = HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0), webhook_allow=(HOST,))
    app = build_app(settings, now=lambda: NOW)
    let_in(app, PEOPLE, JULY_AT)
    return app


def deliver(app: FastAPI) -> Delivery:
    """Deliver what waits."""
    hub = app.state.hub
    return send_dispatches(hub.database, Doors(None, hub.webhooks, hub.sealer), lambda: NOW)


def test_a_channel_is_made_tried_and_ended(app: FastAPI) -> None:
    """What is wrong keeps what was typed; the secret is shown once; every message says what was answered."""
    bea = signed_in(app, "bea")
    wish = {"way": "webhook", "least": "warning", "digest_minutes": "60", "heartbeat": "no"}
    refused = bea.send("/channels/new", **wish, target="http://10.0.0.9/hook")
    assert (refused.status_code, 'value="http://10.0.0.9/hook"' in refused.text) == (422, True)
    assert "write it with https://" in html.unescape(refused.text)
    for name, wrong in (("way", "pigeon"), ("least", "grave"), ("digest_minutes", "soon"), ("digest_minutes", "99999")):
        assert bea.send("/channels/new", **{**wish, "target": "https://example.org/", name: wrong}).status_code == 422
    with Receiver() as receiver:
        made = bea.send("/channels/new", **wish, target=receiver.url)
        assert re.search(r"<code>whsec_[\w+/]{43}=</code>", made.text)
        again = bea.send("/channels/new", **wish, target=receiver.url)
        assert (again.status_code, "whsec_" in again.text) == (200, False)
        assert bea.send("/channels/1/test").headers["location"] == "/channels/1"
        assert "not tried yet" in bea.get("/channels/1").text
        assert deliver(app).sent == 1
        assert "HTTP 204" in bea.get("/channels/1").text
        assert bea.send("/messages/1/replay", channel="1").headers["location"] == "/channels/1"
        assert deliver(app).sent == 1
        assert len({one.headers["webhook-id"] for one in receiver.received}) == 1
    assert "whsec_" not in bea.get("/channels").text
    assert bea.send("/channels/1/end", reason="").status_code == 422
    assert bea.send("/channels/1/end", reason="moved").headers["location"] == "/channels"
    assert [bea.get(path).status_code for path in ("/channels", "/channels/1", "/channels/9")] == [200, 404, 404]


def test_mail_without_a_server_is_said(app: FastAPI) -> None:
    """Before somebody waits for it."""
    bea = signed_in(app, "bea")
    page = bea.send(
        "/channels/new", way="mail", least="info", digest_minutes="0", heartbeat="yes", target="a@example.org"
    )
    assert "start it with <code>--smtp</code>" in page.text


def test_nobody_else_sees_where_alerts_go(app: FastAPI) -> None:
    """An auditor reads alerts, and no addresses of receivers."""
    aud = signed_in(app, "aud")
    assert "/channels" not in aud.get("/alerts").text
    assert [aud.get(path).status_code for path in ("/channels", "/channels/new", "/channels/1")] == [403] * 3
    doors = ("/channels/new", "/channels/1/test", "/channels/1/end", "/messages/1/replay")
    assert [aud.send(path).status_code for path in doors] == [403] * 4


def test_the_api_does_the_same(app: FastAPI) -> None:
    """With a token, in JSON, and messages a page at a time."""
    client = signed_in(app, "bea").client
    token = issue_token(app.state.hub.database, "bea", DAY_MS, actor="test", now=NOW)
    headers = {"authorization": f"Bearer {token}"}
    with Receiver() as receiver:
        body = {"way": "webhook", "target": receiver.url, "digest_minutes": 0, "heartbeat": True}
        made = client.post("/api/v1/channels", json=body, headers=headers)
        assert (made.status_code, made.json()["secret"][:6]) == (201, "whsec_")
        assert client.post("/api/v1/channels", json=body, headers=headers).json()["secret"] is None
        for expected in (1, 2):
            queued = client.post("/api/v1/channels/1/test", headers=headers)
            assert (queued.status_code, queued.json()) == (202, {"message": expected})
        deliver(app)
    page = client.get("/api/v1/channels/1/messages?limit=1", headers=headers).json()
    assert (page["next"], page["messages"][0]["state"], page["messages"][0]["attempts"][0]["answer"]) == (
        *(2, "sent"),
        "HTTP 204",
    )
    rest = client.get("/api/v1/channels/1/messages?before=2", headers=headers).json()
    assert ([one["message"] for one in rest["messages"]], rest["next"]) == ([1], None)
    assert client.post("/api/v1/messages/1/replay", headers=headers).status_code == 202
    assert client.post("/api/v1/channels/1/end", json={"reason": "x"}, headers=headers).status_code == 204
    assert client.get("/api/v1/channels", headers=headers).json() == {"channels": []}
    assert client.get("/api/v1/channels/1/messages", headers=headers).status_code == 404


def test_the_command_line_does_the_same(
    app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As words and as JSON."""
    line = Line(tmp_path / "hub", monkeypatch)
    monkeypatch.setattr(channels_cli, "now_ms", lambda: NOW)
    monkeypatch.setattr(channels_cli, "actor", lambda: "cli:olga")
    with Receiver() as receiver:
        with pytest.raises(InputError, match="unprotected"):
            line.say("channels", "add", "webhook", receiver.url)
        said = line.say("channels", "add", "webhook", receiver.url, "--webhook-allow", HOST)
        assert "its secret, shown this once: whsec_" in said
        assert (
            line.ask("channels", "add", "mail", "a@example.org", "--heartbeat", "--least", "info")["heartbeat"] is True
        )
        assert "message 1 waits" in line.say("channels", "test", "1")
        deliver(app)
        assert line.ask("channels", "replay", "1") == {"message": 2}
    listed = line.say("channels", "list")
    assert ("hourly" in listed, receiver.url[:20] in listed) == (True, True)
    assert [one["way"] for one in line.ask("channels", "list")["channels"]] == ["webhook", "mail"]
    assert "HTTP 204" in line.say("channels", "log", "1")
    assert len(line.ask("channels", "log", "1", "--limit", "1")["messages"]) == 1
    assert "1 are left" in line.say("channels", "end", "1", "--reason", "moved")
    assert len(line.ask("channels", "end", "2", "--reason", "moved")["channels"]) == 0
    with pytest.raises(UnknownSubjectError, match="no channel 1"):
        line.say("channels", "log", "1")
    assert capsys.readouterr().err == ""
