"""What is done to many devices on pages, through the API and at the command line: the same act, confirmed alike."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.cli import bulk as bulk_cli
from hub.config import Address, HubSettings
from hub.fleet.lifecycle import Said, Word
from hub.keys import load_receipt_key
from hub.rules.instants import format_instant
from hub.rules.permissions import Role
from hub.services.answer_state import answer_state
from hub.services.flush_outbox import flush_outbox
from hub.services.manage_tokens import issue_token
from hub.services.register_device import register_device
from hub.services.say_of_device import say_of_device
from hub.store import alerts, audit_log, bulk_actions, device_words
from hub.web.pages import alerts as alerts_page
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice
from tests.hub.programs import HOST
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import Browser, let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI
    from httpx2 import Response

DAY_MS = 86_400_000
UNTIL = NOW + DAY_MS
MANY = 60
PEOPLE = {"bea": (Role.OPERATOR, None), "aud": (Role.AUDITOR, None)}
DEVICES = [MadeDevice(seed) for seed in range(1, MANY + 1)]


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with sixty devices, of which the first was heard and the last is decommissioned."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address(HOST, 0)), now=lambda: NOW)
    database = app.state.hub.database
    for place, device in enumerate(DEVICES):
        register_device(database, device.pem, f"Site {place:02d}", NOW)
    say_of_device(database, DEVICES[-1].text, Said(Word.RETIRE), actor="test", now=NOW, reason="gone")
    answer_state(database, DEVICES[0].id, DEVICES[0].state(), terms=TERMS, now=NOW, retained=False)
    let_in(app, PEOPLE, JULY_AT)
    return app


class Program:
    """A program with somebody's token."""

    def __init__(self, app: FastAPI, who: str = "bea") -> None:
        self._client = Browser(app, [NOW]).client
        token = issue_token(app.state.hub.database, who, DAY_MS, actor="test", now=NOW)
        self._headers = {"authorization": f"Bearer {token}"}

    def post(self, path: str, **body: object) -> Response:
        """Post a body."""
        return self._client.post(f"/api/v1/{path}", json=body, headers=self._headers)

    def get(self, path: str) -> Response:
        """Get an answer."""
        return self._client.get(f"/api/v1/{path}", headers=self._headers)


def words(app: FastAPI) -> dict[bytes, Said]:
    """Return the last word on each device."""
    with app.state.hub.database.read() as connection:
        return {bytes(device): said for device, said in device_words.last_words(connection).items()}


def traces(app: FastAPI) -> tuple[object, ...]:
    """Return what an act leaves behind it: acts, and the last entry of the log."""
    with app.state.hub.database.read() as connection:
        return bulk_actions.list_bulks(connection, None, 99), audit_log.list_audit(connection, limit=1)


def test_a_form_does_it_to_all_that_match(app: FastAPI) -> None:
    """Only with their number; one entry of the log has the filter and every id; the page of the act tells of it."""
    bea = signed_in(app, "bea")
    path = "/devices/all?search=Site+0"
    assert "10 devices match" in bea.get(path).text
    before = traces(app)
    typed = {"action": "maintain", "until": format_instant(UNTIL), "reason": "network works"}
    for changed, told in (
        ({"number": "9"}, "10 devices match, that is not 9"),
        ({"number": "ten"}, "no number of devices"),
        ({"action": "explode"}, "cannot be done to devices"),
        ({"until": ""}, "say until when to maintain"),
        ({"until": "tomorrow"}, "tomorrow"),
        ({"tags": "a/b"}, "is no tag"),
        ({"tags": "lte"}, "maintain takes none"),
    ):
        refused = bea.send(path, **(typed | changed))
        kept = 'value="network works"' in refused.text
        assert (refused.status_code, told in refused.text, kept) == (422, True, True), told
    assert traces(app) == before
    assert bea.send(path, **typed, number="10").headers["location"] == "/bulks/1"
    assert sum(one == Said(Word.MAINTAIN, UNTIL) for one in words(app).values()) == 10
    with app.state.hub.database.read() as connection:
        (entry,) = audit_log.list_audit(connection, action="maintain devices")
    assert '"search":"Site 0"' in entry.after
    assert entry.after.count(",") >= 9
    page = html.unescape(bea.get("/bulks/1").text)
    for told in (
        "put under maintenance until",
        "10\xa0devices",
        "search Site 0",
        "network works",
        "done to all of them",
    ):
        assert told in page, told
    assert "network works" in bea.get("/bulks").text
    assert bea.get("/bulks/2").status_code == 404


def test_a_dry_run_says_what_would_come_of_it(app: FastAPI) -> None:
    """To how many, and why some are left; the form then does it."""
    bea, before = signed_in(app, "bea"), traces(app)
    said = html.unescape(bea.send("/devices/all", action="retire", reason="sold", dry="yes").text)
    assert "done to 59 of them, and nothing has been done yet. 1 would be left as they are" in said
    assert 'value="retire" selected' in said
    assert '<option value="" selected>do it' in said
    assert traces(app) == before


def test_commands_are_followed_and_withdrawn_on_their_page(app: FastAPI) -> None:
    """The page goes on by itself, has each outcome behind a way of its own, and withdraws what was not sent."""
    bea = signed_in(app, "bea")
    bea.send("/devices/all", action="state", reason="after the outage", number="60")
    assert len(flush_outbox(app.state.hub.database, NOW)) == 1
    page = html.unescape(bea.get("/bulks/1").text)
    assert re.search(r'data-watch="bulk:1" data-after="\d+" data-fragment="bulk"', page)
    assert re.findall(r"<strong>(\d+)</strong> (\w+)", page)[:2] == [("59", "waiting"), ("1", "sent")]
    (onward,) = re.findall(r'<a href="([^"]+)" rel="next"', page)
    rows = [re.findall(r">(Site \d\d)<", bea.get(path).text) for path in ("/bulks/1", onward)]
    assert (len(rows[0]), sorted(rows[0] + rows[1])) == (50, [f"Site {place:02d}" for place in range(60)])
    assert re.findall(r">(Site \d\d)<", bea.get("/bulks/1?outcome=sent").text) == ["Site 00"]
    assert 'href="/bulks/1">bulk 1' in bea.get(f"/devices/{DEVICES[0].text}").text
    assert bea.get("/bulks/1", **{"x-fragment": "bulk"}).text.startswith('<div id="bulk">')
    assert bea.get("/bulks/1?after=x").status_code == 422
    assert "59 of its commands have not been sent" in bea.get("/bulks/1/cancel").text
    assert bea.send("/bulks/1/cancel", reason="").status_code == 422
    assert bea.send("/bulks/1/cancel", reason="too much").headers["location"] == "/bulks/1"
    page = bea.get("/bulks/1").text
    assert ("too much" in page, "/bulks/1/cancel" in page, "<strong>59</strong> withdrawn" in page) == (
        True,
        False,
        True,
    )
    assert "withdrawn before it was sent" in bea.get(f"/devices/{DEVICES[1].text}").text
    assert "nothing of bulk 1 waits" in bea.send("/bulks/1/cancel", reason="again").text


def test_the_api_does_and_follows_the_same(app: FastAPI) -> None:
    """A dry run changes nothing; more than twenty, and any decommissioning, want their number; lists go on by keys."""
    bea, until = Program(app), format_instant(UNTIL)
    dry = bea.post("bulks", action="retire", reason="x", dry_run=True)
    told = dry.json()
    assert (dry.status_code, told["bulk"], told["dry_run"], len(told["changed"])) == (201, None, True, MANY - 1)
    assert told["left"] == [{"device": DEVICES[-1].text, "why": "the device is decommissioned already"}]
    for body, detail in (
        ({"action": "retire", "search": "Site 01"}, "name their number"),
        ({"action": "maintain", "until": until}, "name their number"),
        ({"action": "retire", "search": "nowhere"}, "no device matches"),
        ({"action": "tag", "tags": ["a b"]}, "is no tag"),
        ({"action": "silence"}, "say until when"),
    ):
        refused = bea.post("bulks", reason="x", **body)
        assert (refused.status_code, detail in refused.json()["detail"]) == (422, True), detail
    assert bea.post("bulks", action="tag", tags=["lte"], reason="x", search="Site 0").json()["bulk"] == 1
    assert len(bea.post("bulks", action="state", reason="x", tag="lte").json()["changed"]) == 10
    flush_outbox(app.state.hub.database, NOW)
    shown = bea.get("bulks/2").json()
    assert (shown["action"], shown["filter"], shown["devices"]) == ("state", {"tag": "lte"}, 10)
    assert shown["commands"] == {"waiting": 9, "sent": 1, "done": 0, "refused": 0, "expired": 0, "withdrawn": 0}
    assert [one["name"] for one in bea.get("bulks/2/commands?outcome=sent").json()["commands"]] == ["Site 00"]
    first = bea.get("bulks/2/commands?limit=6").json()
    second = bea.get(f"bulks/2/commands?limit=6&after={first['next']}").json()
    assert len({one["device"] for one in (*first["commands"], *second["commands"])}) == 10
    assert second["next"] is None
    cancelled = bea.post("bulks/2/cancel", reason="enough").json()
    assert (cancelled["commands"]["withdrawn"], cancelled["cancelled_by"]) == (9, "bea")
    assert [one["bulk"] for one in bea.get("bulks?limit=1").json()["bulks"]] == [2]
    assert [bea.get(f"bulks/9{rest}").status_code for rest in ("", "/commands")] == [404, 404]


def test_the_command_line_does_the_same(app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a dry run first, and with the command key that it makes."""
    monkeypatch.setattr(bulk_cli, "now_ms", lambda: NOW)
    line = Line(tmp_path / "hub", monkeypatch)
    given = ("bulk", "start", "maintain", "--until", format_instant(UNTIL), "--reason", "x", "--search", "Site 5")
    assert "maintain would be done to 9 devices, 1 are left" in line.say(*given, "--dry-run")
    assert len(words(app)) == 1
    assert len(line.ask(*given)["changed"]) == 9
    assert len(words(app)) == 10
    told = line.say("bulk", "start", "tag", "--tags", "lte", "--reason", "x", "--search", "Site 0")
    assert "tag bulk 2 is done to 10 devices" in told
    line.say("bulk", "start", "state", "--reason", "x", "--tag", "lte")
    assert line.ask("bulk", "show", "3")["commands"]["waiting"] == 10
    assert "10 commands of bulk 3 are withdrawn" in line.say("bulk", "cancel", "3", "--reason", "enough")
    assert "withdrawn  10" in line.say("bulk", "show", "3")
    assert [one["action"] for one in line.ask("bulk", "list")["bulks"]] == ["state", "tag", "maintain"]
    assert "maintain" in line.say("bulk", "list")
    assert "withdrawn" in line.say("command", "list", DEVICES[0].text)
    assert load_receipt_key(tmp_path / "hub").key_id


def test_who_is_no_operator_leaves_no_trace(app: FastAPI) -> None:
    """An auditor looks at acts, is shown no way to one, and is refused at every door."""
    signed_in(app, "bea").send("/devices/all?search=Site+01", action="state", reason="x")
    aud, before = signed_in(app, "aud"), traces(app)
    assert "/devices/all" not in aud.get("/devices").text
    page = aud.get("/bulks/1")
    assert (page.status_code, "/bulks/1/cancel" in page.text) == (200, False)
    assert aud.get("/devices/all").status_code == 403
    assert aud.send("/devices/all", action="retire", reason="x", number="60").status_code == 403
    assert aud.get("/bulks/1/cancel").status_code == 403
    assert aud.send("/bulks/1/cancel", reason="x").status_code == 403
    program, until = Program(app, "aud"), format_instant(UNTIL)
    assert program.post("bulks", action="state", reason="x", search="Site 01").status_code == 403
    assert program.post("bulks", action="silence", until=until, reason="x", search="Site 01").status_code == 403
    assert program.post("bulks/1/cancel", reason="x").status_code == 403
    assert program.get("bulks/1").json()["commands"]["waiting"] == 1
    after = traces(app)
    assert after[0] == before[0]
    with app.state.hub.database.read() as connection:
        assert alerts.list_silences(connection, NOW) == ()


def test_a_silenced_fleet_does_not_fill_the_page_of_alerts(app: FastAPI) -> None:
    """It shows the silences that end first, and says how many there are more."""
    bea = signed_in(app, "bea")
    bea.send("/devices/all", action="silence", until=format_instant(UNTIL), reason="works", number="60")
    page = bea.get("/alerts").text
    assert page.count('/end"') == alerts_page.SILENCES_SHOWN
    assert f"And {MANY - alerts_page.SILENCES_SHOWN} more, which end later." in page
