"""The page of a meter: what is known of it, and its readings a page at a time."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from hub.services.accept_blocks import accept_blocks
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, QUARTER_MS, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.web.conftest import DAY_MS

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from hub.web.context import Hub

PATH = f"/systems/{SYSTEM}/meters/WN-1001"


def test_readings_come_fifty_at_a_time(filled: TestClient, hub: Hub) -> None:
    """The latest first, and the way on begins right behind the last one shown."""
    device = MadeDevice(epoch=type(MadeDevice().epoch)(b"another!"))
    counts = [30_000 + place for place in range(60)]
    device.seal(make_meter(), make_readings(make_meter(), counts, JULY_AT + 50 * DAY_MS, QUARTER_MS))
    accept_blocks(hub.database, device.arrivals(), TERMS, NOW)
    assert f'href="{PATH}"' in filled.get(f"/systems/{SYSTEM}").text
    first = filled.get(PATH).text
    assert '<title id="read-days-title">Days on which meter WN-1001 was read</title>' in first
    assert first.index("30.059\u00a0kWh") < first.index("30.01\u00a0kWh")
    assert "30.009\u00a0kWh" not in first
    (following,) = re.findall(r'href="([^"]*)" rel="next"', first)
    second = filled.get(html.unescape(following)).text
    assert "30.009\u00a0kWh" in second
    assert "30.01\u00a0kWh" not in second
    assert f'href="{PATH}">Latest readings' in second


def test_what_is_no_meter_and_no_place_is_said(filled: TestClient) -> None:
    """One sentence that names it, with the status that fits."""
    answer = filled.get(f"/systems/{SYSTEM}/meters/NOPE")
    assert (answer.status_code, "its meters are WN-1001" in answer.text) == (404, True)
    answer = filled.get(f"{PATH}?before=x")
    assert (answer.status_code, "is not a place in the readings" in answer.text) == (422, True)
