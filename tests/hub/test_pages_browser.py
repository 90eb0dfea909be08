"""The pages in a real browser: they keep themselves current, say nothing on the console, and fit a phone."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from hub.clock import now_ms
from hub.services.accept_blocks import accept_blocks
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from tests.hub.browsing import chromium_or_skip
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.programs import WAIT_SECONDS, start_mosquitto
from tests.hub.test_serve import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.database import Database

DAY_MS = 86_400_000
PHONE_WIDTH = 360


class Site:
    """A served hub with one system, and the device that feeds it."""

    def __init__(self, folder: Path) -> None:
        self.device = MadeDevice()
        self.days = 0
        database = self._open(folder)
        register_device(database, self.device.pem, "Barn", NOW)
        register_system(database, SYSTEM, "Barn roof", "7.5", NOW)
        register_meter(database, MeterRequest(SYSTEM, self.device.text, "WN-1001"), NOW)
        self.device.seal(make_meter())
        database.close()
        self.folder = folder
        self.served = Served(folder)
        self.pass_days(40)

    def pass_days(self, days: int) -> None:
        """Let the meter be read daily for some more days."""
        counts = [5000 + 1000 * day for day in range(self.days, self.days + days)]
        readings = make_readings(make_meter(), counts, JULY_AT + self.days * DAY_MS, DAY_MS)
        self.days += days
        self.device.seal(readings)
        with closing(self._open(self.folder)) as database:
            accept_blocks(database, self.device.arrivals(), TERMS, now_ms())

    def close(self) -> None:
        """End the hub."""
        self.served.close()

    @staticmethod
    def _open(folder: Path) -> Database:
        return open_hub(folder, new_timeline=bytes(8), at=NOW)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return headless Chromium."""
    with chromium_or_skip() as launched:
        yield launched


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a served hub."""
    with closing(Site(tmp_path / "hub")) as opened:
        yield opened


def _open_page(browser: Browser, said: list[str], width: int = 1200) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_default_timeout(WAIT_SECONDS * 1000)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return page


def test_a_system_s_page_follows_the_readings(browser: Browser, site: Site) -> None:
    """New readings appear without a reload; what was open stays open; the console stays empty."""
    said: list[str] = []
    page = _open_page(browser, said)
    page.goto(f"{site.served.url}systems/{SYSTEM}")
    page.evaluate("window.loadedOnce = true")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.locator("dl.figures")).to_contain_text("44\u00a0kWh")
    page.get_by_text("Values of meter WN-1001").click()
    for register in ("54\u00a0kWh", "64\u00a0kWh"):
        site.pass_days(10)
        expect(page.locator("dl.figures")).to_contain_text(register, timeout=WAIT_SECONDS * 1000)
    expect(page.locator("details[open]")).to_have_count(1)
    assert page.evaluate("window.loadedOnce") is True
    assert said == []
    page.close()


def test_the_fleet_page_follows_too(browser: Browser, site: Site) -> None:
    """The operator page shows the newest register without a reload."""
    said: list[str] = []
    page = _open_page(browser, said)
    page.goto(site.served.url)
    expect(page.locator("#fleet")).to_contain_text("44\u00a0kWh")
    site.pass_days(10)
    expect(page.locator("#fleet")).to_contain_text("54\u00a0kWh", timeout=WAIT_SECONDS * 1000)
    assert said == []
    page.close()


def _is_fragment(request: Request) -> bool:
    return "x-fragment" in request.headers


def test_a_refused_event_stream_is_asked_for_again(browser: Browser, site: Site) -> None:
    """After an answer that is no stream the page says so, and is live again by itself, with what it missed."""
    page = _open_page(browser, [])
    page.clock.install()
    page.route("**/events*", lambda route: route.fulfill(status=503, body="not now"), times=1)
    page.goto(f"{site.served.url}systems/{SYSTEM}")
    expect(page.locator("#live")).to_have_text("Not live, trying again")
    site.pass_days(10)
    page.clock.run_for(10_000)
    expect(page.locator("#live")).to_have_text("Live")
    expect(page.locator("dl.figures")).to_contain_text("54\u00a0kWh")
    page.close()


def test_a_page_that_cannot_be_fetched_says_so(browser: Browser, site: Site) -> None:
    """A fragment that fails is not passed off as live, and is fetched again by itself."""
    page = _open_page(browser, [])
    page.clock.install()
    page.goto(f"{site.served.url}systems/{SYSTEM}")
    expect(page.locator("#live")).to_have_text("Live")

    def refuse(route: Route) -> None:
        if _is_fragment(route.request):
            route.fulfill(status=503, body="not now")
        else:
            route.continue_()

    page.route("**/systems/*", refuse)
    site.pass_days(10)
    expect(page.locator("#live")).to_have_text("Not live, trying again")
    page.unroute("**/systems/*")
    page.clock.run_for(10_000)
    expect(page.locator("dl.figures")).to_contain_text("54\u00a0kWh")
    expect(page.locator("#live")).to_have_text("Live")
    page.close()


def test_ages_move_though_nothing_changes(browser: Browser, site: Site) -> None:
    """Once a minute the page is fetched again."""
    page = _open_page(browser, [])
    page.clock.install()
    page.goto(site.served.url)
    expect(page.locator("#live")).to_have_text("Live")
    with page.expect_request(_is_fragment):
        page.clock.run_for(60_000)
    page.close()


def test_a_page_hears_that_the_broker_is_there(browser: Browser, tmp_path: Path) -> None:
    """Without broker the fleet page says so; when it comes, the page knows without a reload and without a reading."""
    broker = start_mosquitto(tmp_path)
    broker.kill()
    page = _open_page(browser, [])
    with closing(Served(tmp_path / "hub", f"mqtt://127.0.0.1:{broker.port}")) as served:
        page.goto(served.url)
        expect(page.locator("#fleet")).to_contain_text("broker not connected")
        expect(page.locator("#fleet")).to_contain_text("broker_missing")
        broker.start()
        expect(page.locator("#fleet")).to_contain_text("broker connected", timeout=WAIT_SECONDS * 1000)
        expect(page.locator("#fleet")).not_to_contain_text("broker_missing")
    broker.stop()
    page.close()


def test_pages_work_without_script(browser: Browser, site: Site) -> None:
    """The numbers stand there, and nothing claims to be live."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.served.url}systems/{SYSTEM}")
    expect(page.locator("dl.figures")).to_contain_text("44\u00a0kWh")
    expect(page.locator("#live")).to_be_hidden()
    context.close()


def test_long_names_fit_a_phone(browser: Browser, tmp_path: Path) -> None:
    """A hundred letters without a blank break somewhere instead of widening the page."""
    name, serial = "W" * 100, "S" * 40
    device = MadeDevice()
    device.seal(make_meter(serial=serial), make_readings(make_meter(serial=serial), [5, 9], JULY_AT, DAY_MS))
    with closing(open_hub(tmp_path, new_timeline=bytes(8), at=NOW)) as database:
        register_device(database, device.pem, name, NOW)
        register_system(database, SYSTEM, name, "7.5", NOW)
        register_meter(database, MeterRequest(SYSTEM, device.text, serial), NOW)
        accept_blocks(database, device.arrivals(), TERMS, now_ms())
    page = _open_page(browser, [], width=PHONE_WIDTH)
    with closing(Served(tmp_path)) as served:
        for path in ("", f"systems/{SYSTEM}"):
            page.goto(served.url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH, path
    page.close()


def test_pages_fit_a_phone(browser: Browser, site: Site) -> None:
    """At phone width nothing has to be scrolled sideways."""
    page = _open_page(browser, [], width=PHONE_WIDTH)
    for path in ("", f"systems/{SYSTEM}", f"systems/{SYSTEM}?month=2016-07", "systems/NOPE"):
        page.goto(site.served.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH, path
        for place in range(page.locator("summary").count()):
            page.locator("summary").nth(place).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH, f"{path} opened"
    page.close()


def test_a_page_prints_dark_on_white(browser: Browser, site: Site) -> None:
    """On paper there is no dark scheme and no word about being live, and the table is not cut off."""
    context = browser.new_context(color_scheme="dark", viewport={"width": 794, "height": 1100})
    page = context.new_page()
    page.goto(f"{site.served.url}systems/{SYSTEM}")
    expect(page.locator("#live")).to_be_visible()
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("#live")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 35, 38)"
    table = page.locator("section[aria-labelledby=months] table:not(.values)").bounding_box()
    assert table is not None
    assert table["x"] + table["width"] <= 794
    context.close()


def test_a_keyboard_reaches_everything(browser: Browser, site: Site) -> None:
    """The first stop is the way past the header, and the month links are stops as well."""
    page = _open_page(browser, [])
    page.goto(f"{site.served.url}systems/{SYSTEM}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    seen = set()
    for _ in range(50):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.textContent.trim()"))
    assert {"July 2016", "Values of meter WN-1001"} <= seen
    page.close()
