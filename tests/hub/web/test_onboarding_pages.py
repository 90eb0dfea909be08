"""The way of a new site into the hub on pages: a device that speaks, a meter that is read, a dial that is looked at."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from hub.app import build_app
from hub.cli.main import app as commands
from hub.config import Address, HubSettings
from hub.rules.permissions import Role
from hub.services.accept_blocks import accept_blocks
from hub.services.manage_tokens import issue_token
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, made_log
from tests.hub.reporting import SYSTEM, add_system
from tests.hub.web.acting import let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

PEOPLE = {"bea": (Role.OPERATOR, None), "ian": (Role.INSTALLER, SYSTEM), "owner": (Role.SYSTEM_OWNER, SYSTEM)}
DIAL = f"/systems/{SYSTEM}/meters/WN-1001/commissioning"
AT = "2016-07-01 00:20"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with a system, and people."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0)), now=lambda: NOW)
    database = app.state.hub.database
    add_system(database)
    let_in(app, PEOPLE, JULY_AT)
    return app


def test_from_a_device_that_speaks_to_a_meter_that_is_signed_off(app: FastAPI) -> None:
    """Each step leads to the next one; what somebody else has to do they cannot do themselves."""
    bea, ian = signed_in(app, "bea"), signed_in(app, "ian")
    database = app.state.hub.database
    device = made_log([1_000_000, 1_000_250, 1_000_500, 1_000_750])
    accept_blocks(database, device.arrivals(), TERMS, NOW)
    assert f"/devices/new?device={device.text}" in bea.get("/onboarding").text
    form = {"device": device.text, "name": "Barn"}
    other = bea.send("/devices/new", key_pem=MadeDevice(2).pem.decode(), **form)
    assert other.status_code == 422
    assert f"not of {device.text}" in html.unescape(other.text)
    assert "this is no public key" in html.unescape(bea.send("/devices/new", key_pem="hello", **form).text)
    for _ in range(2):
        assert bea.send("/devices/new", key_pem=device.pem.decode(), **form).headers["location"] == "/onboarding"
    assert "Registered devices that were never heard" in bea.get("/onboarding").text
    accept_blocks(database, device.arrivals(), TERMS, NOW)
    page = bea.get("/onboarding").text
    assert 'name="serial" value="WN-1001"' in page
    query = f"system={SYSTEM}&serial=WN-1001&make=&model=&device={device.text}"
    onward = bea.get(f"/onboarding/meter?{query}").headers["location"]
    assert parse_qs(urlsplit(onward).query)["serial"] == ["WN-1001"]
    assert f'value="{device.text}"' in bea.get(onward).text
    assert bea.get("/onboarding/meter?system=NOPE&serial=WN-1001").status_code == 404
    bea.send(f"/systems/{SYSTEM}/meters/new", serial="WN-1001", device=device.text)
    assert DIAL in bea.get("/onboarding").text
    assert "somebody else looks at its dial" in bea.send(DIAL, dial_kwh="1000", at=AT).text
    assert "What the dial shows" in ian.get(DIAL).text
    wrong = ian.send(DIAL, dial_kwh="100", at=AT)
    assert (wrong.status_code, 'value="100"' in wrong.text, "do not fit" in wrong.text) == (422, True, True)
    assert ian.send(DIAL, dial_kwh="1000", at=AT).headers["location"] == "/jobs"
    assert "each dial was found to match" in bea.get("/onboarding").text


def test_others_have_no_door(app: FastAPI) -> None:
    """An owner neither looks at the queue nor signs a meter off."""
    owner, ian = signed_in(app, "owner"), signed_in(app, "ian")
    assert [owner.get(path).status_code for path in ("/onboarding", "/devices/new", DIAL)] == [403] * 3
    assert [owner.send(path).status_code for path in ("/devices/new", DIAL)] == [403] * 2
    assert ian.get("/onboarding").status_code == 403


def test_the_api_and_the_command_line_say_the_same(
    app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A difference ends the command with 1 and is told with both readings."""
    device = made_log([1_000_000, 1_000_250, 1_000_500, 1_000_750])
    bea, ian = signed_in(app, "bea"), signed_in(app, "ian")
    bea.send("/devices/new", key_pem=device.pem.decode(), name="Barn")
    accept_blocks(app.state.hub.database, device.arrivals(), TERMS, NOW)
    bea.send(f"/systems/{SYSTEM}/meters/new", serial="WN-1001", device=device.text)
    token = issue_token(app.state.hub.database, "ian", 86_400_000, actor="test", now=NOW)
    answer = ian.client.post(
        f"/api/v1{DIAL}", json={"dial_kwh": "999", "at": AT}, headers={"authorization": f"Bearer {token}"}
    )
    told = answer.json()
    assert (answer.status_code, told["verdict"], told["dial"]["register_wh"]) == (201, "differs", 999_000)
    assert (told["before"]["register_wh"], told["after"]["register_wh"]) == (1_000_250, 1_000_500)
    app.state.hub.database.close()
    monkeypatch.setattr("hub.cli.commission.now_ms", lambda: NOW)
    monkeypatch.setattr("hub.cli.commission.actor", lambda: "cli:root")
    words = [
        "meter",
        "commission",
        "WN-1001",
        "--system",
        SYSTEM,
        "--at",
        AT,
        "--data",
        str(tmp_path / "hub"),
        "--json",
    ]
    assert CliRunner().invoke(commands, [*words, "--dial-kwh", "12"]).exit_code == 1
    done = CliRunner().invoke(commands, [*words, "--dial-kwh", "1000.5"])
    assert (done.exit_code, '"matches"' in done.stdout) == (0, True)


def test_a_program_sees_the_queue_too(app: FastAPI) -> None:
    """Each of its four lists; who is no operator has no door."""
    bea, ian = signed_in(app, "bea"), signed_in(app, "ian")
    database = app.state.hub.database
    device = made_log([1_000_000, 1_000_250])
    accept_blocks(database, device.arrivals(), TERMS, NOW)
    tokens = {name: issue_token(database, name, 86_400_000, actor="test", now=NOW) for name in ("bea", "ian")}

    def ask(name: str, path: str = "onboarding") -> tuple[int, Any]:
        answer = bea.client.get(f"/api/v1/{path}", headers={"authorization": f"Bearer {tokens[name]}"})
        return answer.status_code, answer.json()

    assert ask("ian")[0] == 403
    assert ian.get("/onboarding").status_code == 403
    assert [one["device"] for one in ask("bea")[1]["devices"]] == [device.text]
    bea.send("/devices/new", key_pem=device.pem.decode(), name="Barn")
    assert [one["name"] for one in ask("bea")[1]["unheard"]] == ["Barn"]
    accept_blocks(database, device.arrivals(), TERMS, NOW)
    assert [one["serial"] for one in ask("bea")[1]["meters"]] == ["WN-1001"]
    bea.send(f"/systems/{SYSTEM}/meters/new", serial="WN-1001", device=device.text)
    assert ask("bea")[1] == {"devices": [], "meters": [], "unheard": []}
    dials = ask("bea", "onboarding/dials")[1]
    assert ([one["serial"] for one in dials["dials"]], dials["next"]) == (["WN-1001"], None)
