"""Every role's main way, clicked through in a real browser: with scripts and without, on a phone or at a desk."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from hub.fleet.lifecycle import Word
from hub.rules.local_times import format_local
from hub.rules.permissions import Role
from hub.store import accounts, alerts, audit_log, change_requests, commissionings, device_words, exchanges, months
from protocol.identity import DeviceId
from tests.hub.browsing import chromium_or_skip
from tests.hub.every_page import SECOND, SYSTEMS
from tests.hub.making import MadeDevice
from tests.hub.reporting import MAR
from tests.hub.roles_hub import DESK, DIAL_KWH, LOOKED_AT, PHONE, roles_hub, walking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"]),
    pytest.mark.timeout(240),
]
NICKS = SYSTEMS[4]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return headless Chromium."""
    with chromium_or_skip() as launched:
        yield launched


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, FastAPI]]:
    """Return the hub's address, and the hub."""
    with roles_hub(tmp_path) as found:
        yield found


def test_a_system_owner(chromium: Browser, hub: tuple[str, FastAPI], *, scripts: bool) -> None:
    """From the first page to the proof of a number, its statement as a file, and a request for another reporter."""
    with walking(chromium, hub, "nick", PHONE, scripts=scripts) as walk:
        walk.go("My systems")
        walk.sees("Fire Station", "Produced by month")
        assert walk.fits()
        with walk.page.expect_download() as saved:
            walk.follow("PDF")
        assert saved.value.suggested_filename.endswith(".pdf")
        walk.follow("Readings and details of", exact=False)
        assert walk.fits()
        walk.go("Account")
        walk.follow("ask for a change")
        walk.main.get_by_label("What is to change").select_option("reporter")
        walk.main.get_by_label("Account of who it is to be").fill("ann")
        walk.main.get_by_label("Why").fill("she is at the site each month")
        walk.press("Ask for it")
        walk.sees("Ann Lee as reporter", "State")
        with walk.database.read() as connection:
            (asked,) = [
                one for one in change_requests.list_requests(connection, system=NICKS) if one.wish.account == "ann"
            ]
        assert asked.requested_by == "nick"


def test_a_rec_owner(chromium: Browser, hub: tuple[str, FastAPI], *, scripts: bool) -> None:
    """What counted, what is left over and what is missing, of all assets and then of one, on a phone."""
    with walking(chromium, hub, "rita", PHONE, scripts=scripts) as walk:
        walk.go("Certificates")
        walk.sees("Assets", "Counted", "Left over", "MWh")
        assert walk.fits()
        walk.follow("Asset 10001")
        walk.sees("Counted so far", "Left over for the next month", "2024-Q1")
        assert walk.fits()
        walk.go("Certificates")
        walk.follow("Lowell Food Cooperative", exact=False)
        walk.sees("kWh")


def test_an_installer(chromium: Browser, hub: tuple[str, FastAPI], *, scripts: bool) -> None:
    """From their jobs to a dial that matches, and to an exchange with its picture, which an operator lets count."""
    with walking(chromium, hub, "ian", PHONE, scripts=scripts) as walk:
        walk.sees("Jobs", "nobody has read it yet")
        assert walk.fits()
        walk.follow("Read its dial (WN-5005)")
        walk.main.get_by_label("What the dial shows, kWh").fill("12")
        walk.main.get_by_label("When").fill(format_local(LOOKED_AT)[:16])
        walk.press("Sign it off")
        walk.sees("do not fit")
        expect(walk.main.get_by_label("What the dial shows, kWh")).to_have_value("12")
        walk.main.get_by_label("What the dial shows, kWh").fill(DIAL_KWH)
        walk.press("Sign it off")
        walk.sees("matches", "waits: somebody else decides")
        with walk.database.read() as connection:
            assert "WN-5005" not in {one.serial for one in commissionings.list_waiting(connection, 0, 100)}
    with walking(chromium, hub, "olga", DESK, scripts=scripts) as walk:
        walk.go("Exchanges")
        walk.main.get_by_label("What you looked at, or why not").fill("both registers are in the picture")
        walk.press("Let it count")
        walk.sees("Nothing waits")
        with walk.database.read() as connection:
            (told,) = exchanges.list_exchanges(connection, SECOND)
        assert told.decision is not None
        assert (told.decision.approved, told.decision.decided_by) == (True, "olga")


def test_an_operator_through_the_day(chromium: Browser, hub: tuple[str, FastAPI], *, scripts: bool) -> None:
    """The board, a device under maintenance, an alert looked after and one muted, a review with its photo."""
    with walking(chromium, hub, "olga", DESK, scripts=scripts) as walk:
        walk.go("Window")
        walk.sees("The window is open until", "most at stake first")
        walk.go("Devices")
        walk.follow("Cooperative")
        walk.main.get_by_label("Why").fill("roof works")
        walk.main.get_by_label("Under maintenance until").fill("2024-05-03 12:00")
        walk.press("Maintain")
        walk.sees("maintenance until", "roof works")
        with walk.database.read() as connection:
            said = device_words.last_words(connection)[DeviceId(MadeDevice().id)]
        assert said.word is Word.MAINTAIN
        walk.go("Alerts")
        walk.main.get_by_label("What you do").first.fill("the disk is on its way")
        walk.main.get_by_label("until").first.fill("2024-05-02 12:00")
        walk.press("Look after it")
        walk.main.get_by_text("Mute something for a while").click()
        walk.main.get_by_label("Rule").first.select_option("backlog")
        walk.main.get_by_label("Until", exact=True).first.fill("2024-05-02 12:00")
        walk.main.get_by_label("Why", exact=True).first.fill("known, the line is slow")
        walk.press("Mute it")
        walk.sees("known, the line is slow")
        with walk.database.read() as connection:
            assert len(alerts.acknowledged_until(connection)) == 1
        walk.go("Reviews")
        expect(walk.main.locator("img").first).to_be_visible()
        walk.main.get_by_label("What you looked at").fill("the photo shows it")
        walk.press("Let it count")
        walk.sees("Nothing waits")
        assert walk.told("approve submission") == ["olga"]


def test_an_operator_at_the_end_of_a_quarter(chromium: Browser, hub: tuple[str, FastAPI], *, scripts: bool) -> None:
    """Close the month, draw one up again, make the quarter's file, and decide on a change with its contract."""
    with walking(chromium, hub, "olga", DESK, scripts=scripts) as walk:
        walk.go("Months")
        walk.follow("March 2024")
        walk.main.get_by_text("Close it", exact=True).click()
        walk.press("Close March 2024")
        # The page goes on by itself where it may, and by loading it again where not.
        expect(walk.main.get_by_text(re.compile(r"\d+, close"))).to_be_visible(timeout=30_000)
        with walk.database.read() as connection:
            assert "close" in {str(run.kind) for run, _ in months.list_runs(connection, MAR)}
        walk.go("Exports")
        walk.main.get_by_label("Quarter").select_option("2024-Q1")
        walk.main.get_by_label("Kind").select_option("final")
        walk.press("Make it")
        walk.sees("SHA-256")
        assert len(walk.told("export quarter")) == 2
        walk.go("Changes")
        walk.follow("1")
        walk.main.get_by_label("What you say to it").fill("the deed is there")
        walk.press("Approve")
        walk.sees("the deed is there")
        assert walk.told("approve change") == ["olga"]


def test_a_security_admin(chromium: Browser, hub: tuple[str, FastAPI], *, scripts: bool) -> None:
    """A new account, what it is, and a link by which somebody comes in on their own."""
    with walking(chromium, hub, "sec", DESK, scripts=scripts) as walk:
        walk.go("Users")
        walk.follow("Add an account")
        walk.main.get_by_label("Account").fill("Zoë!")
        walk.press("Add")
        walk.sees("cannot be an account's name")
        walk.main.get_by_label("Account").fill("zoe")
        walk.press("Add")
        walk.follow("Give it a role")
        walk.main.get_by_label("Role").select_option("auditor")
        walk.press("Give the role")
        walk.press("Make a link that sets its password")
        link = walk.main.locator("pre code").first.inner_text()
        with walk.database.read() as connection:
            (held,) = accounts.list_relations(connection, of_account="zoe")
        assert held.relation.role is Role.AUDITOR
        other = chromium.new_context(java_script_enabled=scripts).new_page()
        other.goto(link)
        for field in ("New password", "The same again"):
            other.get_by_label(field, exact=True).fill("five words in one row")
        other.locator("main button[type=submit]").click()
        expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")
        other.get_by_label("Account").fill("zoe")
        other.get_by_label("Password").fill("five words in one row")
        other.get_by_role("button", name="Sign in").click()
        expect(other.locator("main")).to_contain_text("authenticator")
        other.context.close()


def test_an_auditor(chromium: Browser, hub: tuple[str, FastAPI], *, scripts: bool) -> None:
    """Reads all of it, from a reported number to its blocks and the log's chain, and can change nothing anywhere."""
    with walking(chromium, hub, "aud", DESK, scripts=scripts) as walk:
        walk.go("Months")
        walk.follow("February 2024")
        walk.follow(SYSTEMS[0])
        walk.follow("Evidence of February 2024")
        walk.sees("The number", "What its devices read", "meter-verify")
        with walk.page.expect_download() as saved:
            walk.follow("Save the evidence")
        assert saved.value.path().stat().st_size > 1_000
        walk.go("Audit log")
        walk.press("Check the whole chain")
        walk.sees("The chain is whole through entry")
        for words in ("Alerts", "Devices", "Months", "Exports", "Missing", "Changes", "Hub"):
            walk.go(words)
            forms = walk.main.locator("form[method=post]")
            assert forms.count() == 0, words


def test_a_gis_account_holder(chromium: Browser, hub: tuple[str, FastAPI], *, scripts: bool) -> None:
    """Sees what is missing of their own portfolio, and nothing of anybody else's."""
    with walking(chromium, hub, "gus", DESK, scripts=scripts) as walk:
        walk.go("Missing")
        walk.sees("Holyoke Mill", "2024-01")
        expect(walk.main).not_to_contain_text("Salem Library")
        with walk.page.expect_download() as saved:
            walk.follow("Save as CSV")
        assert SYSTEMS[5] in saved.value.path().read_text(encoding="utf-8-sig")


def test_impatience_does_it_once(chromium: Browser, hub: tuple[str, FastAPI], *, scripts: bool) -> None:
    """Two quick clicks, and going back to send it again, make one account and one entry of the audit log."""
    with walking(chromium, hub, "sec", DESK, scripts=scripts) as walk:
        walk.go("Users")
        walk.follow("Add an account")
        walk.main.get_by_label("Account").fill("zoe")
        walk.main.get_by_role("button", name="Add", exact=True).dblclick()
        expect(walk.page.get_by_role("heading", level=1)).to_have_text("zoe")
        walk.page.go_back()
        walk.main.get_by_label("Account").fill("zoe")
        walk.press("Add")
        expect(walk.page.get_by_role("heading", level=1)).to_have_text("zoe")
        with walk.database.read() as connection:
            assert len(audit_log.list_audit(connection, subject="zoe", action="add account")) == 1
