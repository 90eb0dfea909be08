"""Charts in a real browser: each has a name and a table, the keyboard reaches its parts, and the policy holds."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from hub.services.accept_blocks import accept_blocks
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from tests.hub.browsing import chromium_or_skip
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.programs import WAIT_SECONDS
from tests.hub.test_serve import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR_MS = 3_600_000
DAYS = 40
PHONE_WIDTH = 360
CHARTS = {
    "Register of Barn roof",
    "Daily production of Barn roof, August 2016",
    "Hours read of Barn roof, August 2016",
    "Power of Barn roof",
    "Monthly production of Barn roof",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return headless Chromium."""
    with chromium_or_skip() as launched:
        yield launched


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a system's page whose meter was read every hour of 40 days."""
    folder: Path = tmp_path_factory.mktemp("charts") / "hub"
    device = MadeDevice()
    device.seal(make_meter())
    for start in range(0, DAYS * 24, 96):
        counts = [5000 + 1000 * hour for hour in range(start, min(start + 96, DAYS * 24))]
        device.seal(make_readings(make_meter(), counts, JULY_AT + start * HOUR_MS, HOUR_MS))
    with closing(open_hub(folder, new_timeline=bytes(8), at=NOW)) as database:
        register_device(database, device.pem, "Barn", NOW)
        register_system(database, SYSTEM, "Barn roof", "7.5", NOW)
        register_meter(database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
        accept_blocks(database, device.arrivals(), TERMS, NOW)
    with closing(Served(folder)) as served:
        yield f"{served.url}systems/{SYSTEM}"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return a page that fails the test with whatever is said on its console."""
    said: list[str] = []
    opened = browser.new_page(viewport={"width": 1000, "height": 800})
    opened.set_default_timeout(WAIT_SECONDS * 1000)
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    opened.close()
    assert said == []


def test_every_chart_has_a_name_a_description_and_a_table(page: Page, url: str) -> None:
    """Read out, it says what it is; the table below it, once opened, has rows."""
    page.goto(url)
    figures = page.locator("figure.chart").all()
    names = set()
    for figure in figures:
        drawing = figure.locator("svg")
        name, text = drawing.locator("> title").text_content(), drawing.locator("> desc").text_content()
        assert name
        assert text
        expect(drawing).to_have_accessible_name(name)
        expect(drawing).to_have_accessible_description(text)
        details = figure.locator("xpath=following-sibling::details[1]")
        details.locator("summary").click()
        assert details.locator("tbody tr").count() > 1
        names.add(name)
    assert names == CHARTS


def test_a_keyboard_reaches_the_bars(page: Page, url: str) -> None:
    """Each day tells its number when one stops at it, and a month's bar leads to that month."""
    page.goto(url)
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.getAttribute('aria-label') || ''"))
        if seen[-1].startswith("July 2016: "):
            break
    days = [one for one in seen if re.match(r"\d+ August 2016: 24\u00a0kWh, ", one)]
    assert len(days) == 8
    assert "outline-style: none" not in page.evaluate("getComputedStyle(document.activeElement).cssText")
    page.keyboard.press("Enter")
    page.wait_for_url("**?month=2016-07")
    expect(page.get_by_role("heading", name="Register, July 2016")).to_be_visible()


def test_drawings_have_room_and_colour(page: Page, url: str) -> None:
    """Every painted path is visible by the style sheet alone, in the light and in the dark, also on a phone."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1000, PHONE_WIDTH):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(url)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            looks = page.evaluate(
                """[...document.querySelectorAll("figure.chart path")].map((path) => {
                const style = getComputedStyle(path);
                return [path.getAttribute("class"), style.fill, style.stroke, path.getBoundingClientRect().width];
            })"""
            )
            assert looks
            assert [one for one in looks if one[1] == one[2] == "none" or one[3] == 0] == []
            assert [one for one in looks if one[1] == "rgb(0, 0, 0)"] == []
