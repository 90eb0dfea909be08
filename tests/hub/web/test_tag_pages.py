"""Tags of devices on pages, in the table, through the API and at the command line."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from hub.cli import device_stage
from hub.errors import InputError
from hub.services.evaluate_alerts import evaluate_alerts
from hub.services.register_device import register_device
from hub.store import audit_log
from tests.hub.making import MadeDevice
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import NOW, give_password, open_api, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hub.web.acting import Api

DEVICES = [MadeDevice(seed) for seed in range(1, 8)]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Api]:
    """Return a hub with seven devices, of which the even ones are tagged."""
    with open_api(tmp_path) as api:
        for place, device in enumerate(DEVICES):
            register_device(api.database, device.pem, f"Site {place}", NOW)
            if place % 2 == 0:
                assert api.post("bea", f"devices/{device.text}/tags", {"add": ["even", "lte"]}).status_code == 201
        evaluate_alerts(api.database, 0, NOW)
        yield api


def page_of(hub: Api, path: str) -> str:
    """Return a page as the operator sees it."""
    return html.unescape(hub.client.get(path, headers=hub.headers("bea")).text)


def test_a_device_is_tagged_on_its_page(hub: Api) -> None:
    """Several at once; what is wrong stays in the form; each change is an entry with what was before and after."""
    path = f"/devices/{DEVICES[1].text}"
    for name in ("bea", "owner"):
        give_password(hub.app, name)
    bea, owner = signed_in(hub.app, "bea"), signed_in(hub.app, "owner")
    assert bea.send(f"{path}/tags", tags="roof, v1.2", change="put on").headers["location"] == path
    assert bea.send(f"{path}/tags", tags="v1.2 gone", change="take off").status_code == 303
    assert '<a href="/devices?tag=roof">roof</a>' in page_of(hub, path)
    wrong = bea.send(f"{path}/tags", tags="ro/of", change="put on")
    assert (wrong.status_code, "is no tag" in wrong.text, 'value="ro/of"' in wrong.text) == (422, True, True)
    assert bea.send(f"{path}/tags", tags="", change="put on").status_code == 422
    assert owner.send(f"{path}/tags", tags="x", change="put on").status_code == 403
    with hub.database.read() as connection:
        last, first = audit_log.list_audit(connection, subject=DEVICES[1].text, limit=2)
    assert (first.action, first.actor, json.loads(first.before), json.loads(first.after)) == (
        "tag device",
        "bea",
        {"tags": []},
        {"tags": ["roof", "v1.2"]},
    )
    assert json.loads(last.after) == {"tags": ["roof"]}


def test_devices_are_found_by_their_tag(hub: Api) -> None:
    """With all else that narrows them down, in the list, in the table, and page by page through the API."""
    page = page_of(hub, "/devices?tag=even&search=Site")
    assert re.findall(r">(Site \d)</a>", page) == ["Site 0", "Site 2", "Site 4", "Site 6"]
    assert 'href="/devices.csv?search=Site&tag=even"' in page
    assert re.findall(r">(Site \d)</a>", page_of(hub, "/devices?tag=even&search=2&axis=link&stands=never seen")) == [
        "Site 2"
    ]
    assert "No device matches" in page_of(hub, "/devices?tag=eve")
    saved = hub.client.get("/devices.csv?tag=even", headers=hub.headers("bea"))
    rows = list(csv.DictReader(io.StringIO(saved.text)))
    assert [(row["name"], row["tags"]) for row in rows] == [(f"Site {place}", "even lte") for place in (0, 2, 4, 6)]
    first = hub.get("bea", "devices?tag=even&limit=3").json()
    second = hub.get("bea", f"devices?tag=even&limit=3&after={first['next']}").json()
    names = [one["name"] for answer in (first, second) for one in answer["devices"]]
    assert (names, second["next"]) == (["Site 0", "Site 2", "Site 4", "Site 6"], None)
    assert hub.get("bea", f"devices/{DEVICES[0].text}").json()["tags"] == ["even", "lte"]
    assert hub.get("bea", "devices?search=Site 1&axis=link&stands=never seen").json()["devices"][0]["tags"] == []


def test_a_tag_is_looked_up_by_its_index(hub: Api) -> None:
    """In the order of the list, without sorting: a page costs what it shows."""
    plans: list[str] = []

    def explain(_: object, cursor: object, statement: str, values: object, *_rest: object) -> None:
        if "device_tag.tag = ?" in statement and not plans:
            asked = cursor.connection.cursor()  # type: ignore[attr-defined]  # of sqlite3
            plans.append(" ".join(row[3] for row in asked.execute(f"EXPLAIN QUERY PLAN {statement}", values)))

    event.listen(hub.database._readers, "before_cursor_execute", explain)
    page_of(hub, "/devices?tag=even&after=" + f"{DEVICES[0].text},Site 0")
    (plan,) = plans
    assert "device_tag_by_name (tag=? AND (name,device)>(?,?))" in plan
    assert "TEMP B-TREE" not in plan


def test_the_api_refuses_without_a_trace(hub: Api) -> None:
    """What is no tag, what changes nothing, and who may not."""
    path = f"devices/{DEVICES[0].text}/tags"
    with hub.database.read() as connection:
        before = audit_log.list_audit(connection, limit=1)
    assert hub.post("owner", path, {"add": ["x"]}).status_code == 403
    for body, told in (({"add": ["a b"]}, "is no tag"), ({"add": ["lte"]}, "tagged so already"), ({}, "at least one")):
        refused = hub.post("bea", path, body)
        assert (refused.status_code, told in refused.json()["detail"]) == (422, True)
    assert hub.post("bea", f"devices/{MadeDevice(9).text}/tags", {"add": ["x"]}).status_code == 404
    with hub.database.read() as connection:
        assert audit_log.list_audit(connection, limit=1) == before
    assert hub.get("bea", f"devices/{DEVICES[0].text}").json()["tags"] == ["even", "lte"]


@pytest.mark.usefixtures("hub")
def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tags are put on and taken off, and the list is narrowed down by one."""
    monkeypatch.setattr(device_stage, "now_ms", lambda: NOW)
    line, device = Line(tmp_path / "hub", monkeypatch), DEVICES[1].text
    assert line.ask("device", "tag", device, "--add", "odd", "--add", "lte") == {
        "device": device,
        "tags": ["lte", "odd"],
    }
    assert "no tag" in line.say("device", "tag", device, "--remove", "odd", "--remove", "lte")
    with pytest.raises(InputError, match="has no such tag"):
        line.say("device", "tag", device, "--remove", "odd")
    listed = line.ask("device", "list", "--tag", "even", "--search", "Site")
    assert [one["name"] for one in listed["devices"]] == ["Site 0", "Site 2", "Site 4", "Site 6"]
    assert listed["unknown"] == []
    assert "even lte" in line.say("device", "list", "--axis", "link", "--stands", "never seen")
