"""The pages without a script: complete documents, strict headers, empty states that say what to do."""

from __future__ import annotations

import gzip
import html
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.formats import age, kilowatt_hours, local_time
from hub.services.accept_blocks import Arrival, accept_blocks
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.web.drawing import COLUMNS_MAX
from tests.hub.conftest import SYSTEM
from tests.hub.making import GENERATED, JULY_AT, NOW, TERMS, MadeDevice, made_log, make_meter, make_readings
from tests.hub.web.conftest import DAILY_WH, wait_for_jobs

if TYPE_CHECKING:
    from pathlib import Path

    from hub.web.context import Hub

PAGES = ["/", f"/systems/{SYSTEM}", f"/systems/{SYSTEM}?month=2016-07"]


class _Elements(HTMLParser):
    """Counts what opens and what closes."""

    VOID = frozenset({"meta", "link", "img", "br", "path", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.styled = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.styled |= "style" in names or any(name.startswith("on") for name in names)
        if names.get("id"):
            self.ids.append(str(names["id"]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize(
    "path", [*PAGES, "/systems", f"/systems/{SYSTEM}/meters/WN-1001", "/certificates", "/systems/NOPE"]
)
def test_pages_are_well_formed_and_need_no_inline_style(filled: TestClient, path: str) -> None:
    """Elements close, ids are unique, and nothing on a page asks to relax the content security policy."""
    elements = _Elements()
    elements.feed(filled.get(path).text)
    assert elements.open == []
    assert len(elements.ids) == len(set(elements.ids))
    assert not elements.styled


@pytest.mark.parametrize("path", [*PAGES, "/systems/NOPE", "/api/v1/systems", "/static/hub.css", "/livez"])
def test_every_answer_carries_the_policy(filled: TestClient, path: str) -> None:
    """Only our own script and style, no frame, no sniffing, whatever is answered."""
    headers = filled.get(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")


@pytest.mark.parametrize(("path", "name"), [("/", "fleet"), (f"/systems/{SYSTEM}", "system")])
def test_a_fragment_is_the_same_element_as_in_the_page(filled: TestClient, hub: Hub, path: str, name: str) -> None:
    """One template draws both, so that a page kept current is the page loaded anew."""
    # What the hub's own first look finds would be in one and not in the other.
    wait_for_jobs(hub)
    fragment = filled.get(path, headers={"X-Fragment": name})
    assert fragment.text.startswith(f'<div id="{name}">')
    assert fragment.text.strip() in filled.get(path).text
    assert filled.get(path, headers={"X-Fragment": "other"}).status_code == 404


def test_a_system_s_page_shows_the_month_and_where_it_comes_from(filled: TestClient) -> None:
    """Production, both readings and their instants stand in the table, exact."""
    text = filled.get(f"/systems/{SYSTEM}").text
    assert f'<data value="{31 * DAILY_WH}">9.951\u00a0kWh</data>' in text
    assert '<data value="5000">5\u00a0kWh</data>' in text
    assert 'datetime="2016-08-01T04:00:00Z"' in text


def test_a_month_without_readings_names_those_that_have_some(filled: TestClient) -> None:
    """Whoever asks for a month outside the readings learns the first and the last there is."""
    text = filled.get(f"/systems/{SYSTEM}?month=2015-01").text
    assert "No reading in January 2015: the first is of July 2016, the last of August 2016." in text


def test_an_unknown_system_is_a_page_that_names_it(client: TestClient) -> None:
    """A person gets one sentence with the name and what to do, not a stack of calls."""
    answer = client.get("/systems/NOPE")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "&#39;NOPE&#39; is not registered" in answer.text


def test_what_people_typed_is_not_markup(client: TestClient, hub: Hub) -> None:
    """Names are text."""
    register_system(hub.database, SYSTEM, "<script>alert(1)</script>", "5", NOW)
    for path in ("/", f"/systems/{SYSTEM}"):
        assert "<script>alert" not in client.get(path).text
    assert "<script>" not in client.get("/systems/<script>").text


def test_an_empty_hub_says_what_to_do_next(client: TestClient, hub: Hub) -> None:
    """Each empty list names the next step."""
    text = client.get("/").text
    for words in ("meter-hub system add", "meter-hub device add", "No meter yet"):
        assert words in text
    register_system(hub.database, SYSTEM, "", "5", NOW)
    assert "No meter belongs to this system yet" in client.get(f"/systems/{SYSTEM}").text


def test_commands_survive_a_folder_with_blanks(tmp_path: Path) -> None:
    """Every command on an empty hub's page names the data folder as one word of a shell."""
    folder = tmp_path / "my hub; x"
    app = build_app(HubSettings(folder, broker=None, listen=Address("127.0.0.1", 0), is_open=True), now=lambda: NOW)
    with TestClient(app) as client:
        text = html.unescape(client.get("/").text)
    commands = re.findall(r"<code>(meter-hub .*?)</code></pre>", text)
    assert len(commands) == 2
    for command in commands:
        assert str(folder) in shlex.split(command)


@pytest.mark.parametrize("path", [*PAGES, "/livez", "/readyz", "/systems/NOPE"])
def test_head_is_answered_like_get(filled: TestClient, path: str) -> None:
    """Monitors and link checkers ask with HEAD (RFC 9110, 9.3.2): the same status and headers."""
    head, get = filled.head(path), filled.get(path)
    assert (head.status_code, head.headers["content-type"]) == (get.status_code, get.headers["content-type"])


def test_pages_promise_only_what_the_hub_knows(filled: TestClient) -> None:
    """No schedule of a device the hub does not configure, no more detail than a thinned line has."""
    text = filled.get(f"/systems/{SYSTEM}").text
    assert "quarter of an hour" not in text
    assert "Every reading" not in text
    assert f"in at most {COLUMNS_MAX} steps" in text
    assert "still running" in text


def test_an_unknown_device_is_shown_with_its_command(client: TestClient, hub: Hub) -> None:
    """The operator can copy the command that registers what knocks."""
    device = made_log([1, 2, 3])
    accept_blocks(hub.database, device.arrivals(), TERMS, NOW)
    text = client.get("/").text
    assert f"meter-hub device add --data {hub.settings.data_folder} --key {device.text}.pem" in text
    assert "1 thing wants a decision" in text


def test_an_unregistered_meter_is_shown_with_its_command(filled: TestClient, hub: Hub) -> None:
    """A meter that is read and belongs nowhere comes with the command that joins it to a system."""
    device = MadeDevice()
    log = MadeDevice(epoch=type(device.epoch)(bytes(8)))
    log.seal(make_meter(serial="NEW 7"), make_readings(make_meter(serial="NEW 7"), [5], JULY_AT))
    accept_blocks(hub.database, log.arrivals(), TERMS, NOW)
    assert f"--system PTS-ID --device {device.text} --serial &#39;NEW 7&#39;" in filled.get("/").text


def test_findings_are_shown_in_words(filled: TestClient, hub: Hub) -> None:
    """A bad signature and a register that went down are findings on the operator page."""
    device = MadeDevice(epoch=type(MadeDevice().epoch)(b"other!!!"))
    device.seal(make_meter(), make_readings(make_meter(), [9, 1], JULY_AT + 60_000, 1000))
    poisoned = device.seal(make_readings(make_meter(), [2], JULY_AT + 90_000), keep=False)[:-1] + b"\0"
    accept_blocks(hub.database, [*device.arrivals(), Arrival(device.id, poisoned)], TERMS, NOW)
    text = filled.get("/").text
    for code in ("register_decreased", "bad_signature"):
        assert f'<span class="code">{code}</span>' in text
    assert "no number" in filled.get(f"/systems/{SYSTEM}").text


def test_readings_that_are_no_energy_are_a_finding(client: TestClient, hub: Hub) -> None:
    """What cannot be converted is named on the operator page, and nothing says that the meter was not read."""
    meter = make_meter(register=replace(GENERATED, unit="kWh"))
    device = MadeDevice()
    device.seal(meter, make_readings(meter, [5, 6], JULY_AT))
    register_device(hub.database, device.pem, "Barn", NOW)
    register_system(hub.database, SYSTEM, "Barn roof", "7.5", NOW)
    register_meter(hub.database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
    accept_blocks(hub.database, device.arrivals(), TERMS, NOW)
    text = client.get("/").text
    assert '<span class="code">reading_unconverted</span>' in text
    assert "2 readings are kept but not counted" in text
    assert "not read yet" not in text
    assert "No reading counts yet" in client.get(f"/systems/{SYSTEM}").text


def test_our_own_style_and_script_stay_small(client: TestClient) -> None:
    """One style sheet of which at most 5 kB go over the wire, one script, both ours."""
    assert len(gzip.compress(client.get("/static/hub.css").content)) <= 5_000
    assert len(client.get("/static/live.js").content) <= 5_000
    assert re.findall(r'(?:src|href)="(http[^"]*)"', client.get("/").text) == []


def test_numbers_and_times_read_well() -> None:
    """Energy is exact in kWh, times are the regulator's, ages coarse."""
    assert [kilowatt_hours(wh) for wh in (0, 13_015_500, 1, -1_500)] == [
        "0\u00a0kWh",
        "13,015.5\u00a0kWh",
        "0.001\u00a0kWh",
        "-1.5\u00a0kWh",
    ]
    assert local_time(JULY_AT) == "1 Jul 2016, 00:00 EDT".replace(" ", "\u00a0")
    ages = [age(NOW - gone, NOW).replace("\u00a0", " ") for gone in (0, 61_000, 7_300_000, 400_000_000)]
    assert ages == ["just now", "1 min ago", "2 h ago", "4 days ago"]
