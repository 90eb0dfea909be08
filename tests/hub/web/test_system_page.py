"""A system's page costs what it draws: neither its age nor the fleet around it makes it ask more often."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from hub.rules.facts import ReportingMode, SystemFacts
from hub.rules.periods import parse_month
from hub.services.accept_blocks import accept_blocks
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.web import drawing
from hub.web.system_page import load_page
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.reporting import add_meter, add_system, enter
from tests.hub.web.conftest import DAY_MS

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from hub.web.context import Hub

TEN_DAYS = 10 * DAY_MS
OTHERS = 15


@pytest.fixture
def old(client: TestClient, hub: Hub) -> TestClient:
    """Return a client of a hub with a system that was read every ten days of the nine years before July 2016."""
    device = MadeDevice()
    device.seal(make_meter())
    readings = 9 * 365 // 10
    for start in range(0, readings, 100):
        counts = [5000 + 1000 * place for place in range(start, min(start + 100, readings))]
        from_at = JULY_AT - (readings - start) * TEN_DAYS
        device.seal(make_readings(make_meter(), counts, from_at, TEN_DAYS))
    register_device(hub.database, device.pem, "Barn", NOW)
    register_system(hub.database, SYSTEM, "Barn roof", "7.5", NOW)
    register_meter(hub.database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
    accept_blocks(hub.database, device.arrivals(), TERMS, NOW)
    return client


def _count(hub: Hub, until: str | None = None) -> int:
    """Return how many statements the page takes."""
    statements = []
    with hub.database.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
        load_page(connection, hub, SYSTEM, None, None if until is None else parse_month(until))
    return len(statements)


@pytest.mark.usefixtures("old")
def test_age_and_fleet_cost_nothing(hub: Hub) -> None:
    """Nine years take as many statements as two, and fifteen other systems none."""
    whole = _count(hub)
    assert _count(hub, "2012-06") == whole
    for number in range(OTHERS):
        name = f"SLF-AB1234-2{number:04d}"
        register_system(hub.database, name, "Roof", "5", NOW)
        register_meter(hub.database, MeterRequest(name, MadeDevice().text, f"X-{number}"), NOW)
    assert _count(hub) == whole


def test_months_are_listed_two_years_at_a_time(old: TestClient) -> None:
    """The way on leads to the months before, down to the first; the latest are one step away."""
    seen: list[str] = []
    path = f"/systems/{SYSTEM}"
    for _ in range(10):
        text = old.get(path).text
        seen += re.findall(r'<th scope="row"><a href="/systems/[^"]*\?month=([\d-]+)"', text)
        ways = re.findall(r'href="([^"#]*)#months" rel="next"', text)
        if not ways:
            break
        path = ways[0]
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, reverse=True)
    assert (seen[0], len(seen)) == ("2016-06", 108)
    assert "Latest months" in text


def test_before_the_first_month_the_first_is_shown(old: TestClient) -> None:
    """A way that leads too far back ends there, and never says that nothing was read."""
    text = old.get(f"/systems/{SYSTEM}?until=1999-01").text
    assert "No reading counts yet" not in text
    assert re.findall(r'<th scope="row"><a href="/systems/[^"]*\?month=([\d-]+)"', text) == ["2007-07"]


def test_what_is_expected_follows_the_facts() -> None:
    """A month before the roof was doubled expects half; one before anything was said expects nothing to be drawn."""
    small = SystemFacts(SYSTEM, "Barn", date(2016, 1, 1), 7_500)
    large = replace(small, effective_on=date(2016, 7, 1), capacity_w_dc=15_000)
    months = {parse_month(f"2016-{number:02d}"): (1000, True, "complete") for number in (5, 7)}
    chart = drawing.draw_months(months, [small, large], "Barn")
    assert chart is not None
    rows = {row[0]: row[2] for row in chart.tables[0].rows}
    assert (rows["May 2016"], rows["July 2016"]) == ("765.018\u00a0kWh", "1,530.036\u00a0kWh")
    assert rows["December 2015"] == "-"


def test_what_has_no_number_is_not_drawn() -> None:
    """No empty frame stands for nothing."""
    july = parse_month("2016-07")
    assert drawing.draw_register([], "Barn", "") is None
    assert drawing.draw_power([], "Barn") is None
    assert drawing.draw_days((None,) * 31, july, [], "Barn") is None
    assert drawing.draw_hours(((0,) * 24,) * 31, july, "Barn") is None
    assert drawing.draw_months({}, [], "Barn") is None
    assert drawing.draw_read_days([("1\u00a0Jul\u00a02016", (0,) * 24)], "PV-1") is None
    assert drawing.draw_spark([], "Barn", 0) is None
    assert drawing.draw_spark([5], "Barn", 0) is None


@pytest.fixture
def by_hand(client: TestClient, hub: Hub) -> TestClient:
    """Return a client of a hub with a system that people report: 26 months up to July 2016, the last not closed."""
    months = drawing.months_until(parse_month("2016-07"), 26)
    add_system(hub.database, SYSTEM, reporting_mode=ReportingMode.MANUAL)
    meter = add_meter(hub.database, initial_at=months[0].starts_at)
    for place, month in enumerate(months, start=1):
        enter(hub.database, meter.meter, month, 600_000 * place)
    return client


def test_what_was_reported_by_hand_is_shown_with_its_evidence(by_hand: TestClient) -> None:
    """Every month has its number, the registers between which it lies, and its evidence; no device is waited for."""
    page = by_hand.get(f"/systems/{SYSTEM}")
    text = page.text.replace("\u00a0", " ")
    assert "No reading counts yet" not in text
    assert "July 2016 is reported and accepted: 600 kWh." in text
    assert f'href="/systems/{SYSTEM}/months/2016-07"' in text
    assert "15,600 kWh" in text
    assert "month-chart" in text
    assert text.count('data-label="From"') == 24
    earlier = re.search(r'href="([^"#]*)#months" rel="next"', text)
    assert earlier is not None
    rest = by_hand.get(earlier[1]).text
    assert "Latest months" in rest
    assert re.findall(r'href="/systems/[^"]*/months/([\d-]+)" aria-label="Evidence', rest) == ["2014-07", "2014-06"]
    assert 'rel="next"' not in rest
    assert by_hand.get(f"/systems/{SYSTEM}?until=1999-01").text.count('data-label="From"') == 24
    card = by_hand.get("/").text.replace("\u00a0", " ")
    assert '<span class="figure">nothing counted yet' not in card
    assert "July 2016 reported and accepted" in card


def test_before_anything_was_reported_by_hand_it_says_what_can_be(client: TestClient, hub: Hub) -> None:
    """Not that a device will read the meter, for none does."""
    add_system(hub.database, SYSTEM, reporting_mode=ReportingMode.MANUAL)
    add_meter(hub.database)
    text = client.get(f"/systems/{SYSTEM}").text
    assert "Nothing was reported yet." in text
    assert "can be reported" in text
    assert "device has read" not in text
    assert '<span class="figure">nothing counted yet' in client.get("/").text


@pytest.mark.parametrize(
    ("month", "day", "hours", "told"),
    [
        ("2016-11", 6, 25, "On 6 November 2016 the clocks went back: the hour from 1:00 came twice."),
        ("2016-03", 13, 23, "On 13 March 2016 the clocks went forward: the hour from 2:00 never came."),
    ],
)
def test_a_change_of_clocks_is_told_of_the_hours(month: str, day: int, hours: int, told: str) -> None:
    """Below the drawing, which is as high as that of any month; the table counts the day's own hours."""
    of = parse_month(month)
    days = tuple((4,) * (hours if number == day else 24) for number in range(1, of.last_day.day + 1))
    chart = drawing.draw_hours(days, of, "Barn")
    july = drawing.draw_hours(((4,) * 24,) * 31, parse_month("2016-07"), "Barn")
    assert chart is not None
    assert july is not None
    assert chart.words.caption.endswith(told)
    assert "clocks" not in july.words.caption
    assert chart.height == july.height
    assert chart.tables[0].rows[day - 1][1] == f"{hours} of {hours} hours"
