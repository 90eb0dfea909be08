"""Thresholds on their pages, through the API and on the command line: who sees them, and who changes them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pytest

from hub.alerting.rules import RULES
from hub.alerting.thresholds import THRESHOLDS, Change
from hub.app import build_app
from hub.cli import thresholds as thresholds_cli
from hub.config import Address, HubSettings
from hub.errors import InputError, UnknownSubjectError
from hub.rules.instants import format_instant
from hub.rules.permissions import Role
from hub.services.manage_tokens import issue_token
from hub.services.set_threshold import set_threshold
from hub.store import thresholds
from hub.web.pages.thresholds import CHANGES_SHOWN
from tests.hub.making import JULY_AT, NOW
from tests.hub.reporting import SYSTEM, add_system
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import API, DAY_MS, Browser, let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI
    from httpx2 import Response

PEOPLE = {"bea": (Role.OPERATOR, None), "aud": (Role.AUDITOR, None), "owner": (Role.SYSTEM_OWNER, SYSTEM)}
NAME = "device_silent_hours"
PAGE, FORM, LIST = f"/alerts/thresholds/{NAME}", f"/alerts/thresholds/{NAME}/new", "/alerts/thresholds"
LATER = "2017-08-20 12:00"
LATER_AT = 1_503_244_800_000
BYTES_MAX = 60_000


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with somebody of each kind."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0)), now=lambda: NOW)
    database = app.state.hub.database
    add_system(database)
    let_in(app, PEOPLE, JULY_AT)
    return app


def change(app: FastAPI, value: int | None, from_at: int = NOW) -> None:
    """Change the threshold."""
    set_threshold(app.state.hub.database, Change(NAME, value, from_at), actor="cem", now=NOW, reason="agreed")


def kept(app: FastAPI) -> list[tuple[int | None, int]]:
    """Return what was said of the threshold."""
    with app.state.hub.database.read() as connection:
        return [(one.value, one.from_at) for one in thresholds.list_changes(connection, NAME)]


def text_of(answer: Response) -> str:
    """Return a page as it reads."""
    return html.unescape(answer.text).replace("\u00a0", " ")


def test_the_page_has_every_threshold_with_what_holds(app: FastAPI) -> None:
    """The alerts lead there; what is to come is told, and the page fits however much is set."""
    change(app, 48)
    change(app, None, LATER_AT)
    change(app, 72, LATER_AT + 1)
    bea = signed_in(app, "bea")
    assert f'href="{LIST}"' in bea.get("/alerts").text
    answer = bea.get(LIST)
    page = text_of(answer)
    assert all(f'href="/alerts/thresholds/{name}"' in page for name in THRESHOLDS)
    assert all(rule.title in page for rule in RULES.values())
    assert "<strong>48 hours</strong>" in page
    assert "its default 20 Aug 2017, 12:00 EDT, and 1 more" in page
    assert len(answer.content) < BYTES_MAX


def test_a_threshold_is_changed_and_its_page_says_by_whom(app: FastAPI) -> None:
    """From now, from later, and back to its default."""
    bea = signed_in(app, "bea")
    assert 'name="value" type="text" value="24"' in bea.get(FORM).text
    for value, from_at in (("48", ""), ("", LATER)):
        sent = bea.send(FORM, value=value, from_at=from_at, reason="works on the line")
        assert sent.headers["location"] == PAGE
    assert kept(app) == [(48, NOW), (None, LATER_AT)]
    page = text_of(bea.get(PAGE))
    assert "<dt>Holds</dt><dd>48 hours</dd>" in page
    assert "its default from 20 Aug 2017, 12:00 EDT" in page
    assert page.count("works on the line") == page.count('data-label="By">bea') == 2


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"value": "0"}, "value", "device_silent_hours is from 1 to 720 hours, not 0"),
        ({"value": "1.5"}, "value", "'1.5' is no whole number: write such as 24"),
        ({"value": "9" * 11}, "value", "is no whole number"),
        ({"from_at": "tomorrow"}, "from_at", "tomorrow"),
        ({"from_at": "2016-01-01 12:00"}, "from_at", "from_at has passed"),
        ({"reason": ""}, "reason", "this has to be filled in"),
        ({"reason": "x" * 101}, "reason", "at most 100"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
    app: FastAPI, typed: dict[str, str], field: str, says: str
) -> None:
    """And nothing is kept."""
    said = {"value": "48", "from_at": LATER, "reason": "works on the line", **typed}
    answer = signed_in(app, "bea").send(FORM, **said)
    page = text_of(answer)
    assert answer.status_code == 422
    assert says in page
    (wrong,) = [part for part in page.split("<input ") if "aria-invalid" in part]
    assert f'name="{field}"' in wrong
    assert all(f'value="{value}"' in page for value in said.values())
    assert kept(app) == []


def test_who_was_faster_is_told_of(app: FastAPI) -> None:
    """What was typed stays, and is taken once it is sent again."""
    bea = signed_in(app, "bea")
    seen = html.unescape(bea.get(FORM).text.partition('name="seen" value="')[2].partition('"')[0])
    change(app, 30)
    refused = bea.send(FORM, value="48", reason="x", seen=seen)
    assert "somebody changed this since you looked" in refused.text
    fresh = html.unescape(refused.text.partition('name="seen" value="')[2].partition('"')[0])
    assert (refused.status_code, fresh != seen, 'value="48"' in refused.text) == (422, True, True)
    assert bea.send(FORM, value="48", reason="x", seen=fresh).status_code == 303


def test_an_auditor_looks_and_an_owner_does_not(app: FastAPI) -> None:
    """Neither changes anything, on pages or with a token; who did not sign in is led to do so."""
    aud, owner = signed_in(app, "aud"), signed_in(app, "owner")
    assert [aud.get(path).status_code for path in (LIST, PAGE, FORM)] == [200, 200, 403]
    assert "Change it" not in aud.get(PAGE).text
    assert [owner.get(path).status_code for path in (LIST, PAGE, FORM)] == [403] * 3
    for browser in (aud, owner):
        assert browser.send(FORM, value="48", reason="x").status_code == 403
    for name in ("aud", "owner"):
        ask = Asking(app, name)
        assert ask.post({"value": 48, "reason": "x"}).status_code == 403
        assert ask.get().status_code == (200 if name == "aud" else 403)
    assert kept(app) == []


def test_what_is_not_there(app: FastAPI) -> None:
    """404 with where they stand, wherever it is asked for."""
    bea, ask = signed_in(app, "bea"), Asking(app, "bea")
    for path in ("/alerts/thresholds/boredom", "/alerts/thresholds/boredom/new"):
        assert bea.get(path).status_code == 404
    assert bea.send("/alerts/thresholds/boredom/new", value="1", reason="x").status_code == 404
    assert bea.get(f"{PAGE}?before=0").status_code == 422
    for path in ("/boredom", "/boredom/changes"):
        assert ask.get(path).status_code == 404
    assert ask.post({"value": 1, "reason": "x"}, name="boredom").status_code == 404


def test_a_long_history_has_pages(app: FastAPI) -> None:
    """The last first, each once."""
    for place in range(CHANGES_SHOWN + 1):
        change(app, 30 + place)
    bea = signed_in(app, "bea")
    first, second = bea.get(PAGE).text, bea.get(f"{PAGE}?before=2").text
    assert (first.count('data-label="By"'), f'href="{PAGE}?before=2"' in first) == (CHANGES_SHOWN, True)
    assert (second.count('data-label="By"'), "rel=" in second.partition('class="pages"')[2]) == (1, False)
    ask = Asking(app, "bea")
    page = ask.get(f"/{NAME}/changes?limit=50").json()
    rest = ask.get(f"/{NAME}/changes?limit=50&before={page['next']}").json()
    assert [one["value"] for one in page["changes"] + rest["changes"]] == list(range(30 + CHANGES_SHOWN, 29, -1))
    assert rest["next"] is None


class Asking:
    """A program with somebody's token."""

    def __init__(self, app: FastAPI, name: str) -> None:
        token = issue_token(app.state.hub.database, name, DAY_MS, actor="test", now=NOW)
        self.client = Browser(app, [NOW]).client
        self.headers = {"authorization": f"Bearer {token}"}

    def get(self, path: str = "", **headers: str) -> Response:
        """Get from the thresholds."""
        return self.client.get(f"{API}{LIST}{path}", headers=self.headers | headers)

    def post(self, body: object, name: str = NAME, **headers: str) -> Response:
        """Send a change."""
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.client.post(f"{API}{LIST}/{name}/changes", json=body, headers=self.headers | sent)


def test_the_api_says_and_does_the_same(app: FastAPI) -> None:
    """The tag of what was seen guards a change, and one that is sent twice is one."""
    ask = Asking(app, "bea")
    every = {one["threshold"]: one for one in ask.get().json()["thresholds"]}
    assert set(every) == set(THRESHOLDS)
    shown = ask.get(f"/{NAME}")
    assert (
        shown.json()
        == every[NAME]
        == {
            "threshold": NAME,
            "rule": "device_silent",
            "words": "Not heard for longer than this",
            "unit": "hour",
            "default": 24,
            "least": 1,
            "greatest": 720,
            "value": 24,
            "coming": [],
        }
    )
    seen = shown.headers["etag"]
    body = {"value": 48, "reason": "agreed"}
    done = ask.post(body, if_match=seen, idempotency_key="a")
    assert (done.status_code, done.json()["value"]) == (201, 48)
    assert ask.post(body, if_match=seen, idempotency_key="a").headers["idempotency-replayed"] == "true"
    assert ask.post({"value": 50, "reason": "x"}, if_match=seen).status_code == 412
    later = {"value": None, "from_at": format_instant(LATER_AT), "reason": "over"}
    coming = ask.post(later, if_match=done.headers["etag"]).json()
    assert (coming["value"], coming["coming"]) == (48, [{"value": None, "from_at": format_instant(LATER_AT)}])
    assert kept(app) == [(48, NOW), (None, LATER_AT)]
    said = ask.get(f"/{NAME}/changes").json()["changes"]
    assert [(one["value"], one["reason"], one["actor"]) for one in said] == [
        (None, "over", "bea"),
        (48, "agreed", "bea"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "x"},
        {"value": "48", "reason": "x"},
        {"value": 0, "reason": "x"},
        {"value": 48, "reason": " "},
        {"value": 48, "from_at": "2016-01-01T00:00:00Z", "reason": "x"},
        {"value": 48, "from_at": "soon", "reason": "x"},
    ],
)
def test_the_api_refuses_what_is_wrong(app: FastAPI, body: dict[str, object]) -> None:
    """As a problem; a value that was forgotten is not taken for the default."""
    assert Asking(app, "bea").post(body).status_code == 422
    assert kept(app) == []


def test_the_command_line(app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a hub or without one."""
    app.state.hub.database.close()
    monkeypatch.setattr(thresholds_cli, "now_ms", lambda: NOW)
    monkeypatch.setattr(thresholds_cli, "actor", lambda: "cli:bea")
    line, later = Line(tmp_path / "hub", monkeypatch), format_instant(LATER_AT)

    def change_it(*arguments: str) -> tuple[str, ...]:
        return ("alerts", "thresholds", "set", NAME, *arguments)

    assert line.ask(*change_it("48", "--reason", "agreed"))["value"] == 48
    told = line.say(*change_it("--default", "--from", later, "--reason", "over")).replace("\u00a0", " ")
    assert told == f"{NAME}: 48 hours, its default from 20 Aug 2017, 12:00 EDT\n"
    shown = {one["threshold"]: one for one in line.ask("alerts", "thresholds", "list")["thresholds"]}
    assert (shown[NAME]["value"], shown[NAME]["coming"]) == (48, [{"value": None, "from_at": later}])
    (row,) = [one for one in line.say("alerts", "thresholds", "list").splitlines() if one.startswith(f"{NAME} ")]
    assert all(words in row for words in ("48 hours", "24 hours", "its default from 20 Aug 2017"))
    assert "cli:bea" in line.say("alerts", "thresholds", "log", NAME)
    assert [one["reason"] for one in line.ask("alerts", "thresholds", "log", NAME)["changes"]] == ["over", "agreed"]
    for arguments in (("--reason", "x"), ("48", "--default", "--reason", "x")):
        with pytest.raises(InputError, match="a value, or --default"):
            line.say(*change_it(*arguments))
    with pytest.raises(UnknownSubjectError, match="no threshold 'boredom'"):
        line.say("alerts", "thresholds", "log", "boredom")
