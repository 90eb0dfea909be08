"""The reporter's way in a real browser: without a script, on a phone, by keyboard, with Back and reload on the way."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.facts import ReportingMode
from hub.rules.permissions import Relation, Role
from hub.services.manage_people import add_account, relate_account
from hub.services.set_password import make_link, set_password
from hub.store.accounts import Account
from simulators.ports import LOOPBACK
from tests.hub.browsing import chromium_or_skip, served_at
from tests.hub.programs import WAIT_SECONDS
from tests.hub.reporting import JAN, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = JAN.ends_at - 8 * 3_600_000
PASSWORD = "four words in a row"  # noqa: S105 - of a test
PHONE: ViewportSize = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return headless Chromium."""
    with chromium_or_skip() as launched:
        yield launched


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Return the address of a hub in January's window, with a reporter of one system."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address(LOOPBACK, 0)), now=lambda: NOW)
    database = app.state.hub.database
    add_system(database, SYSTEM, reporting_mode=ReportingMode.MANUAL)
    meter = add_meter(database, initial_at=JAN.previous().starts_at)
    enter(database, meter.meter, JAN.previous(), 400_000)
    add_account(database, Account("ann", "Ann Lee", "", NOW, "test"))
    relate_account(database, Relation("ann", Role.REPORTER, SYSTEM, JAN.starts_at), actor="test", now=NOW)
    set_password(database, make_link(database, "ann", actor="test", now=NOW), PASSWORD, NOW)
    with served_at(app) as found:
        yield found


@contextmanager
def phone(chromium: Browser, *, scripts: bool) -> Iterator[tuple[Page, list[str]]]:
    """Yield a page on a phone, and what its console says."""
    context = chromium.new_context(viewport=PHONE, java_script_enabled=scripts, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(WAIT_SECONDS * 1000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page, said
    context.close()


def fits(page: Page) -> bool:
    """Return whether the page is no wider than the phone."""
    box = page.locator("main").bounding_box()
    assert box is not None
    return box["width"] <= PHONE["width"]


@pytest.mark.parametrize("scripts", [False, True], ids=["without scripts", "with scripts"])
def test_a_reporter_walks_the_five_steps(chromium: Browser, url: str, *, scripts: bool) -> None:
    """From the link in a mail to the last page; going back and loading again breaks nothing and reports once."""
    with phone(chromium, scripts=scripts) as (page, said):
        page.goto(f"{url}/systems")
        page.get_by_label("Account").fill("ann")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Password").press("Enter")
        page.get_by_role("link", name="Enter a reading").click()
        page.get_by_label("What the meter shows, in kWh").fill("1015.5")
        page.get_by_label("When it was read").fill("2024-01-31T15:00")
        assert fits(page)
        page.get_by_role("button", name="Next").click()
        expect(page.locator("main")).to_contain_text("615.5\u00a0kWh since the reading before")
        page.reload()
        page.go_back()
        page.get_by_role("button", name="Next").click()
        expect(page.locator("main")).to_contain_text("615.5\u00a0kWh since the reading before")
        assert fits(page)
        page.get_by_role("button", name="Save: this is final").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("operational experience")
        page.go_back()
        page.reload()
        page.get_by_role("button", name="Go on: it is saved already").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("operational experience")
        page.reload()
        page.get_by_label("Hours out of service").fill("3")
        page.get_by_role("button", name="Next").click()
        expect(page.locator("main")).to_contain_text("3 hours out of service")
        expect(page.locator("main")).to_contain_text("1,015.5\u00a0kWh")
        page.reload()
        assert fits(page)
        page.get_by_role("link", name="To the systems").click()
        expect(page.locator("tbody")).to_contain_text("reported")
        page.goto(f"{url}/account")
        assert said == []
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
