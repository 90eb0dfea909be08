"""The list of devices and the page of one: found, paged at the same cost wherever one is, saved, and spoken of."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.fleet.links import LinkChange
from hub.rules.permissions import Role
from hub.services.accept_blocks import accept_blocks
from hub.services.answer_state import answer_state
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.manage_tokens import issue_token
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.store import link_changes, registry
from hub.store.registry import Device
from protocol.identity import DeviceId, KeyId
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, made_log
from tests.hub.reporting import SYSTEM, add_system
from tests.hub.web.acting import Browser, let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

DAY_MS = 86_400_000
PEOPLE = {"bea": (Role.OPERATOR, None), "owner": (Role.SYSTEM_OWNER, SYSTEM)}
MANY = 260


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with a device that reads a meter, and many that were never heard."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0)), now=lambda: NOW)
    database = app.state.hub.database
    add_system(database)
    device = made_log([1_000_000, 1_000_250])
    register_device(database, device.pem, "Barn", NOW - DAY_MS)
    register_meter(database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW, "olga")
    accept_blocks(database, device.arrivals(), TERMS, NOW)
    with database.write() as connection:
        for number in range(MANY):
            made = Device(DeviceId(b"\1" * 6 + number.to_bytes(4, "big")), f"Site {number:03d}", NOW)
            registry.add_device(connection, made, KeyId(number.to_bytes(8, "big")), b"")
    let_in(app, PEOPLE, JULY_AT)
    return app


def walk(browser: Browser, path: str) -> list[str]:
    """Return the names of all devices, page by page."""
    names = []
    while path:
        page = html.unescape(browser.get(path).text)
        names += re.findall(r'<th scope="row"><a class="name" href="/devices/[^"]+">([^<]+)<', page)
        onward = re.findall(r'<a href="([^"]+)" rel="next"', page)
        path = onward[0] if onward else ""
    return names


def test_every_device_is_on_one_page(app: FastAPI) -> None:
    """In order of name, without a gap or a double, also of those that match."""
    bea = signed_in(app, "bea")
    names = walk(bea, "/devices")
    assert names == sorted(names)
    assert len(names) == len(set(names)) == MANY + 1
    assert walk(bea, "/devices?search=site 25") == [f"Site {number}" for number in range(250, 260)]
    assert walk(bea, "/devices?search=WN-1001") == ["Barn"]
    evaluate_alerts(app.state.hub.database, 0, NOW)
    assert len(walk(bea, "/devices?axis=link&stands=never seen")) == MANY
    assert walk(bea, "/devices?axis=link&stands=offline") == ["Barn"]
    assert "No device matches" in bea.get("/devices?search=100%25").text
    assert bea.get("/devices?after=x").status_code == 422


def test_a_late_page_costs_what_the_first_does(app: FastAPI) -> None:
    """As many statements."""
    bea, said = signed_in(app, "bea"), []
    engine = app.state.hub.database._readers
    event.listen(engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    first = bea.get("/devices").text
    (onward,) = re.findall(r'<a href="([^"]+)" rel="next"', html.unescape(first))
    began = len(said)
    bea.get(onward)
    later = len(said) - began
    assert later == began


def test_those_that_stand_at_a_word_are_found(app: FastAPI) -> None:
    """Page by page, as the last look saw them, also for programs and for what is said of all that match."""
    database = app.state.hub.database
    bea = signed_in(app, "bea")
    assert "No device matches" in bea.get("/devices?axis=link&stands=offline").text
    evaluate_alerts(database, 0, NOW)
    never = walk(bea, "/devices?axis=link&stands=never seen")
    assert (never, len(never)) == (sorted(never), MANY)
    assert walk(bea, "/devices?axis=meter&stands=not answering") == ["Barn"]
    assert walk(bea, "/devices?axis=meter&stands=not answering&search=site") == []
    assert "meter is <strong>not answering</strong>" in bea.get("/devices?axis=meter&stands=not answering").text
    assert bea.get("/devices?axis=meter&stands=gap").status_code == 422
    assert bea.get("/devices?stands=gap").status_code == 422
    token = issue_token(database, "bea", DAY_MS, actor="test", now=NOW)
    headers = {"authorization": f"Bearer {token}"}
    asked = "/api/v1/devices?axis=link&stands=never seen&limit=200"
    first = bea.client.get(asked, headers=headers).json()
    second = bea.client.get(f"{asked}&after={first['next']}", headers=headers).json()
    assert [one["name"] for one in first["devices"] + second["devices"]] == never
    body = {"action": "retire", "reason": "sold", "axis": "meter", "stands": "not answering", "number": 1}
    said = bea.client.post("/api/v1/bulks", json=body, headers=headers).json()
    assert said["changed"] == [MadeDevice().text]


def test_what_is_shown_is_saved(app: FastAPI) -> None:
    """All that match, not only the page."""
    saved = list(csv.DictReader(io.StringIO(signed_in(app, "bea").get("/devices.csv").text)))
    assert len(saved) == MANY + 1
    barn = next(one for one in saved if one["name"] == "Barn")
    assert (barn["link"], barn["held_through"]) == ("offline", "1")


def test_the_page_of_one_device(app: FastAPI) -> None:
    """Its log with the last block and its verdict, its meters with their registers, its clock."""
    device, database = made_log([1_000_000, 1_000_250]), app.state.hub.database
    bea = signed_in(app, "bea")
    page = html.unescape(bea.get(f"/devices/{device.text}").text)
    assert "The last block is 1, in custody since" in page
    assert "signature good" in page
    assert "1,000.25\xa0kWh" in page
    assert "never heard" not in page
    answer_state(database, device.id, device.state(), terms=TERMS, now=NOW, retained=False)
    assert "online" in bea.get(f"/devices/{device.text}").text
    assert bea.get(f"/devices/{MadeDevice(9).text}").status_code == 404
    assert bea.get("/devices/nonsense").status_code == 422


def test_maintenance_is_said_on_its_page(app: FastAPI) -> None:
    """With a reason and an end; what is wrong keeps what was typed."""
    bea, path = signed_in(app, "bea"), f"/devices/{MadeDevice().text}"
    refused = bea.send(path, word="maintain", reason="roof works", until="")
    assert (refused.status_code, 'value="roof works"' in refused.text) == (422, True)
    assert "until when" in refused.text
    assert bea.send(path, word="explode", reason="x").status_code == 422
    sent = bea.send(path, word="maintain", reason="roof works", until="2017-07-20 12:00")
    assert sent.headers["location"] == path
    page = html.unescape(bea.get(path).text)
    assert "maintenance until" in page
    assert "roof works" in page
    assert bea.send(path, word="resume", reason="done").status_code == 303


def test_the_page_draws_how_it_was_heard(app: FastAPI) -> None:
    """Over a week and a month, with tables that say the same; for programs the spans themselves."""
    device, database = MadeDevice().text, app.state.hub.database
    bea = signed_in(app, "bea")
    assert "Not known yet: the hub looks" in bea.get(f"/devices/{device}").text
    evaluate_alerts(database, 0, NOW - 2 * DAY_MS)
    answer_state(database, MadeDevice().id, MadeDevice().state(), terms=TERMS, now=NOW, retained=False)
    evaluate_alerts(database, 0, NOW + 1)
    with database.write() as connection:
        link_changes.add_changes(connection, [(MadeDevice().id, LinkChange(NOW - DAY_MS, "online", "silent"))])
    page = html.unescape(bea.get(f"/devices/{device}").text).replace("\u00a0", " ")
    assert {"Link of the last 7 days", "Link of the last 30 days"} <= set(re.findall(r"<title[^>]*>([^<]+)<", page))
    assert "silent for 24 h" in page
    assert "None in the last seven days" in page
    token = issue_token(database, "bea", DAY_MS, actor="test", now=NOW)
    headers = {"authorization": f"Bearer {token}"}
    told = bea.client.get(f"/api/v1/devices/{device}/course", headers=headers).json()
    assert [one["days"] for one in told["links"]] == [7, 30]
    assert "silent" in [one["link"] for one in told["links"][0]["spans"]]
    assert len(told["failed_polls"]) == 7


@pytest.mark.parametrize("path", ["/devices", "/devices.csv", f"/devices/{MadeDevice().text}"])
def test_an_owner_has_no_door_to_them(app: FastAPI, path: str) -> None:
    """Devices are the operator's."""
    owner = signed_in(app, "owner")
    assert owner.get(path).status_code == 403
    assert owner.send(f"/devices/{MadeDevice().text}", word="retire", reason="x").status_code == 403


def test_a_device_stands_on_four_axes(app: FastAPI) -> None:
    """In words on its page, and for programs; what is wrong with one is not hidden by the others."""
    device, database = MadeDevice().text, app.state.hub.database
    bea = signed_in(app, "bea")
    page = bea.get(f"/devices/{device}").text
    assert re.findall(r"<dt>(Link|Meter|Data|Report)</dt><dd>(?:<strong>)?([a-z ]+)", page) == [
        ("Link", "offline"),
        ("Meter", "not answering"),
        ("Data", "current"),
        ("Report", "not due"),
    ]
    token = issue_token(database, "bea", DAY_MS, actor="test", now=NOW)
    headers = {"authorization": f"Bearer {token}"}
    told = bea.client.get(f"/api/v1/devices/{device}", headers=headers).json()
    assert (told["urgency"], [one["urgency"] for one in told["axes"]]) == ("bad", ["warn", "bad", "ok", "ok"])
    assert [(one["serial"], one["register_wh"]) for one in told["meters"]] == [("WN-1001", 1_000_250)]
    assert told["machine"] is None
    assert bea.client.get("/api/v1/devices/nobody", headers=headers).status_code == 422


def test_a_device_says_how_its_machine_does(app: FastAPI) -> None:
    """In words on its page, and with the numbers for programs; a page of one that said nothing has no such part."""
    device, database = MadeDevice(), app.state.hub.database
    bea = signed_in(app, "bea")
    assert "Its machine" not in bea.get(f"/devices/{device.text}").text
    said = {
        "seal_seconds": 900,
        "under_voltage": 1,
        "disk_used_percent": 40,
        "processor_millicelsius": 58_432,
        "<mood>": 7,
    }
    answer_state(database, device.id, device.state(health=said, boot_count=2), terms=TERMS, now=NOW, retained=False)
    page = bea.get(f"/devices/{device.text}").text
    assert "<dt>Brings a block</dt><dd>every 15 min, the last just now</dd>" in page
    assert "<dt>Supply</dt><dd>too low, now or since it started</dd>" in page
    assert "<dt>Processor</dt><dd>58.4 °C</dd>" in page
    headers = {"authorization": f"Bearer {issue_token(database, 'bea', DAY_MS, actor='test', now=NOW)}"}
    details = bea.client.get(f"/api/v1/devices/{device.text}", headers=headers).json()
    assert details["cadence_seconds"] == 900
    told = details["machine"]
    assert told["numbers"] == said
    assert told["words"] == {
        "Supply": "too low, now or since it started",
        "Disk": "40 % full",
        "Processor": "58.4 °C",
        "Starts": "none within a day",
    }
