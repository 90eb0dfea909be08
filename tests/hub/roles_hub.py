"""The hub in which every role walks its way, and a browser for one of them: what they see, and what the hub keeps."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from hub.rules.permissions import Relation, Role
from hub.services.accept_blocks import accept_blocks
from hub.services.manage_people import add_account, relate_account
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.set_password import make_link, set_password
from hub.store import audit_log
from hub.store.accounts import Account
from tests.hub.every_page import NOW, SECOND, SYSTEMS, served, sign_in
from tests.hub.making import QUARTER_MS, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.programs import WAIT_SECONDS
from tests.hub.reporting import JAN
from tests.hub.web.acting import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from playwright.sync_api import Browser, Locator, Page, ViewportSize

    from hub.store.database import Database

DESK: ViewportSize = {"width": 1100, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
MORE = {"gus": (Role.GIS_ACCOUNT_HOLDER, SYSTEMS[5])}
DIAL_KWH = "1000"
LOOKED_AT = NOW - 90 * 60_000


@dataclass
class Walk:
    """Somebody in a browser: `said` is what its console says, `broken` what the hub failed to answer."""

    page: Page
    url: str
    app: FastAPI
    said: list[str]
    broken: list[str]

    @property
    def database(self) -> Database:
        """The hub's database."""
        found: Database = self.app.state.hub.database
        return found

    @property
    def main(self) -> Locator:
        """What the page says, without its head."""
        return self.page.locator("main")

    def go(self, words: str) -> None:
        """Take a way from the page's head, also one that is behind `More`, and wait until its page is there."""
        link = self.page.locator("header nav").get_by_role("link", name=words, exact=True)
        behind = self.page.locator("header summary")
        # The page may still be coming: only once one of the two is there can it be told which way it is.
        expect(link.or_(behind).filter(visible=True).first).to_be_visible()
        if not link.is_visible():
            behind.click()
        with self.page.expect_navigation():
            link.click()

    def follow(self, words: str, *, exact: bool = True) -> None:
        """Follow the first link with these words."""
        self.main.get_by_role("link", name=words, exact=exact).first.click()

    def press(self, words: str) -> None:
        """Press the first button with these words."""
        self.main.get_by_role("button", name=words, exact=True).first.click()

    def sees(self, *words: str) -> None:
        """Fail unless the page says each of these."""
        for one in words:
            expect(self.main).to_contain_text(one)

    def told(self, action: str) -> list[str]:
        """Return who did this, by the audit log, the latest first."""
        with self.database.read() as connection:
            return [one.actor for one in audit_log.list_audit(connection, action=action)]

    def fits(self) -> bool:
        """Return whether nothing has to be scrolled sideways."""
        size = self.page.viewport_size
        assert size is not None
        return int(self.page.evaluate("document.documentElement.scrollWidth")) <= size["width"]


@contextmanager
def roles_hub(folder: Path) -> Iterator[tuple[str, FastAPI]]:
    """Yield the hub of every page, with an aggregator, and a meter whose dial nobody has looked at."""
    with served(folder) as (url, app):
        database = app.state.hub.database
        for name, (role, system) in MORE.items():
            add_account(database, Account(name, f"{name.title()} Lee", "", NOW, "test"))
            relate_account(database, Relation(name, role, system, JAN.starts_at), actor="test", now=NOW)
            set_password(database, make_link(database, name, actor="test", now=NOW), PASSWORD, NOW)
        device, meter = MadeDevice(5), make_meter(serial="WN-5005")
        device.seal(meter)
        first_at = LOOKED_AT - 4 * QUARTER_MS
        device.seal(make_readings(meter, [1_000_000 + 10 * place for place in range(9)], first_at))
        register_device(database, device.pem, "Library", NOW, "olga")
        register_meter(database, MeterRequest(SECOND, device.text, "WN-5005"), NOW, "olga")
        accept_blocks(database, device.arrivals(), TERMS, NOW)
        yield url, app


@contextmanager
def walking(
    chromium: Browser, hub: tuple[str, FastAPI], who: str, size: ViewportSize, *, scripts: bool
) -> Iterator[Walk]:
    """Yield somebody who has signed in; fails if the console said anything, or the hub failed to answer."""
    context = chromium.new_context(viewport=size, java_script_enabled=scripts, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(WAIT_SECONDS * 1000)
    walk = Walk(page, *hub, [], [])
    page.on("console", lambda message: walk.said.append(message.text))
    page.on("pageerror", lambda error: walk.said.append(str(error)))
    page.on("response", lambda answer: walk.broken.append(answer.url) if answer.status >= 500 else None)
    sign_in(page, *hub, who)
    yield walk
    walk.go("Account")
    # A form that is refused is an answer of 422, which the browser tells of by itself.
    assert [one for one in walk.said if "status of 422" not in one] == []
    assert walk.broken == []
    walk.press("Sign out")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    context.close()
