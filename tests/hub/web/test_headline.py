"""What leads on the pages: complete months before running ones, words where there is no number."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.rules.periods import ProductionMonth
from hub.rules.production import SystemProduction
from hub.services.accept_blocks import accept_blocks
from hub.services.compute_production import SystemMonth
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store.registry import System
from hub.web.headline import LOOK_BACK_MONTHS, MonthState, choose_headline, month_state, recent_months
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.web.conftest import DAILY_WH, DAY_MS, StandIn

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from hub.web.context import Hub

OWNER = System(SYSTEM, "Barn roof", "7.5", NOW)
AUGUST_AT = JULY_AT + 31 * DAY_MS


def _month(month: int, production_wh: int | None, *, complete: bool = False) -> SystemMonth:
    production = SystemProduction(ProductionMonth(2016, month), production_wh, 1, complete)
    return SystemMonth(OWNER, production, ())


def _words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).replace("\u00a0", " ").split())


@pytest.mark.parametrize(
    ("month", "now", "state"),
    [
        (_month(7, 5, complete=True), AUGUST_AT, MonthState.COMPLETE),
        (_month(7, 5), AUGUST_AT - 1, MonthState.RUNNING),
        (_month(7, 5), AUGUST_AT, MonthState.NOT_COMPLETE),
    ],
)
def test_only_a_month_that_is_not_over_runs(month: SystemMonth, now: int, state: MonthState) -> None:
    """A past month that is not complete is said to be just that, from its last instant on."""
    assert month_state(month.production, now) is state


def test_the_last_complete_month_leads() -> None:
    """The newest month stands below it, or leads where none is complete."""
    running, complete, older = _month(9, 1), _month(8, 2, complete=True), _month(7, 3, complete=True)
    found = choose_headline([running, complete, older])
    assert (found.lead, found.newest) == (complete, running)
    assert (choose_headline([complete, older]).lead, choose_headline([complete, older]).newest) == (complete, None)
    assert (choose_headline([running]).lead, choose_headline([running]).newest) == (running, None)
    assert choose_headline([]).lead is None


def test_a_card_leads_with_the_last_complete_month(filled: TestClient, app: FastAPI, hub: Hub) -> None:
    """Then comes the running month, and the dial last; the device says when it last read a meter."""
    app.state.hub = replace(hub, now=lambda: JULY_AT + 44 * DAY_MS + 180_000)
    text = _words(filled.get("/").text)
    lead, newest = f"{31 * DAILY_WH / 1000} kWh July 2016 complete", f"{13 * DAILY_WH / 1000} kWh August 2016 running"
    assert lead in text
    assert newest in text
    assert text.index(lead) < text.index(newest) < text.index("meter WN-1001 stands at 19.124 kWh")
    assert "last reading 3 min ago" in text
    page = _words(filled.get(f"/systems/{SYSTEM}").text)
    assert f"July 2016 complete {31 * DAILY_WH / 1000} kWh August 2016 running {13 * DAILY_WH / 1000} kWh" in page
    assert "not complete 1" not in page


def test_a_month_long_over_does_not_run(filled: TestClient) -> None:
    """Nothing says `so far` or `running` of a month that ended a year ago."""
    for path in ("/", f"/systems/{SYSTEM}"):
        text = _words(filled.get(path).text)
        assert "August 2016 not complete" in text
        assert "2016 running" not in text
        assert "so far" not in text


@pytest.mark.usefixtures("filled")
def test_cards_look_back_a_few_months_only(hub: Hub) -> None:
    """They end with the first complete month, and skip months in which nothing was read."""
    with hub.database.read() as connection:
        months = recent_months(connection, SYSTEM, JULY_AT + 44 * DAY_MS)
        later = recent_months(connection, SYSTEM, JULY_AT + 75 * DAY_MS)
        never = recent_months(connection, SYSTEM, JULY_AT + 400 * DAY_MS)
    assert [str(month.production.month) for month in months] == ["2016-08", "2016-07"]
    assert [str(month.production.month) for month in later] == ["2016-08", "2016-07"]
    assert never == ()
    assert len(months) <= LOOK_BACK_MONTHS


def test_a_gap_is_words_and_never_a_zero(client: TestClient, hub: Hub) -> None:
    """A month without reading says so in the table and has no bar, and so a day that lacks a midnight."""
    device = MadeDevice()
    meter = make_meter()
    device.seal(meter, make_readings(meter, [5000, 5500], JULY_AT, DAY_MS))
    device.seal(make_readings(meter, [9000, 9500], JULY_AT + 70 * DAY_MS, DAY_MS))
    register_device(hub.database, device.pem, "Barn", NOW)
    register_system(hub.database, SYSTEM, "Barn roof", "7.5", NOW)
    register_meter(hub.database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
    accept_blocks(hub.database, device.arrivals(), TERMS, NOW)
    text = client.get(f"/systems/{SYSTEM}").text
    (row,) = re.findall(r'<tr>\s*<th scope="row"><a(?:(?!</tr>).)*August 2016.*?</tr>', text, re.DOTALL)
    assert "no reading" in _words(row)
    assert "No reading in this month." in _words(row)
    assert "0 kWh" not in _words(row).split("5.5 kWh")[0]
    assert "August 2016:" not in text
    assert len(re.findall(r'aria-label="[A-Z][a-z]+ 2016: [^"]*kWh', text)) == 2


@pytest.mark.parametrize("path", ["/", f"/systems/{SYSTEM}"])
def test_pages_say_that_the_broker_is_missing(filled: TestClient, app: FastAPI, hub: Hub, path: str) -> None:
    """A hub that should take blocks and cannot says so on every page, and never that nothing wants a decision."""
    app.state.hub = replace(hub, ingest=StandIn(connected=False))
    text = filled.get(path).text
    assert '<span class="code">broker_missing</span>' in text
    assert "Nothing wants a decision" not in text
    assert 'data-watch="' in text
    assert "broker:absent" in text
    app.state.hub = replace(hub, ingest=StandIn(connected=True))
    text = filled.get(path).text
    assert "broker_missing" not in text
    assert "broker:present" in text


def test_the_fleet_page_says_whether_the_broker_is_there(filled: TestClient, app: FastAPI, hub: Hub) -> None:
    """Connected, not connected, or none configured: three different sentences."""
    assert "This hub hears no broker" in filled.get("/").text
    app.state.hub = replace(hub, ingest=StandIn(connected=True))
    assert "broker connected" in filled.get("/").text
    assert "Nothing wants a decision" in filled.get("/").text
    app.state.hub = replace(hub, ingest=StandIn(connected=False))
    assert "broker not connected" in filled.get("/").text
