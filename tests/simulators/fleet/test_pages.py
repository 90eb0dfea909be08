"""Every page of a hub with the fleet has something to look at, for somebody whom the demonstration names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.services.request_link import invite_account
from hub.services.set_password import make_link
from simulators.fleet.fill import FleetPlan, fill_fleet
from tests.hub.every_page import routes
from tests.hub.making import fetch
from tests.hub.programs import HOST
from tests.hub.web.acting import Browser

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

# In the window of January, so that what is reported by hand can be.
AT = datetime(2026, 1, 30, 17, tzinfo=UTC)
NOW = int(AT.timestamp()) * 1000
VISITORS = ("olga", "sam", "aud", "ann", "ian", "owen", "rita")
STAFF = {"olga", "sam", "aud"}


def first(database: Database, statement: str) -> str:
    """Return the first value that a query finds."""
    return str(fetch(database, statement)[0][0])


def addresses(database: Database) -> dict[str, str]:
    """Return an address of each page, with parts that the fleet has."""
    by_hand = first(database, "SELECT system FROM relation WHERE account = 'ann' AND role = 'reporter' ORDER BY system")
    parts = {
        "pts_id": by_hand,
        "month": "2025-12",
        "number": "1",
        "serial": first(database, f"SELECT serial FROM meter WHERE system = '{by_hand}'"),  # noqa: S608 - our own
        "account": "owen",
        "quarter": "2025-Q4",
        "threshold": "device_silent_hours",
        "device": first(database, "SELECT id FROM device"),
        "token": make_link(database, "owen", actor="test", now=NOW),
    }
    shown = first(
        database,
        "SELECT max(a.register_wh) FROM accepted_reading AS a JOIN meter AS m ON m.id = a.meter_id "  # noqa: S608 - our own
        f"WHERE m.system = '{by_hand}'",
    )
    kwh = int(shown) // 1000 + 50
    typed = {
        "/systems/{pts_id}/report/check": f"?kwh={kwh}&at=2026-01-30T11:00&meter={parts['serial']}",
        "/onboarding/meter": f"?system={by_hand}",
    }
    return {
        route: re.sub(r":\w+}", "}", route).format_map(parts) + typed.get(route, "")
        for route in routes()
        # Of channels there are none before somebody wants one.
        if route not in {"/channels/{number}", "/devices/{device}"}
    }


@pytest.mark.timeout(300)
def test_every_page_shows_the_fleet(tmp_path: Path) -> None:
    """Each answers 200 to somebody; the lists are not empty, and neither is the outbox of what people asked for."""
    folder = tmp_path / "hub"
    filled = fill_fleet(FleetPlan(folder, AT, 20, 1))
    app = build_app(HubSettings(folder, broker=None, listen=Address(HOST, 0)), now=lambda: NOW)
    database = app.state.hub.database
    invite_account(database, "owen", actor="sam", now=NOW)
    left = addresses(database)
    shown: dict[str, str] = {}
    for who in VISITORS:
        browser = Browser(app, [NOW])
        browser.sign_in(who, filled.password)
        if who in STAFF:
            browser.enrol(who)
        if who == "ian":
            assert "<section aria-labelledby" in browser.get("/jobs").text, "the fitter has systems to work at"
        for route, address in list(left.items()):
            answer = browser.get(address)
            if answer.status_code == 200:
                shown[route] = answer.text
                del left[route]
    assert left == {}
    for route in ("/alerts", "/reviews", "/changes", "/exports", "/onboarding", "/months", "/audit", "/missing"):
        assert re.search(r"<tbody>\s*<tr>|<article|<section aria-labelledby=\"n\d", shown[route]), route
    assert "certificates" in shown["/certificates"].lower()
    database.close()
