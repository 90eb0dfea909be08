"""What happened to a meter, as the API and the page tell it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hub.services.accept_blocks import accept_blocks
from protocol.messages import MeterEvent
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.web.conftest import DAILY_WH, DAY_MS

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from hub.web.context import Hub

SEEN_AT = JULY_AT + 45 * DAY_MS
LAST_WH = 5000 + 44 * DAILY_WH


def exchange(hub: Hub) -> None:
    """Let the meter of the filled hub be exchanged a day after its last reading."""
    device = MadeDevice()
    device.seal(make_meter())
    for place in range(0, 45, 5):
        counts = [5000 + DAILY_WH * day for day in range(place, place + 5)]
        device.seal(make_readings(make_meter(), counts, JULY_AT + place * DAY_MS, DAY_MS))
    event = MeterEvent(
        0, SEEN_AT, "exchange", 0, (SEEN_AT - DAY_MS, LAST_WH), (SEEN_AT, 123_456), "WN-1001", "<WN-2002>"
    )
    device.seal(event)
    accept_blocks(hub.database, device.arrivals(len(device.blocks) - 1), TERMS, NOW)


def test_the_api_tells_events_with_both_readings(filled: TestClient, hub: Hub) -> None:
    """Newest first, in words and in numbers; none before anything happened, and none of an unknown system."""
    address = f"/api/v1/systems/{SYSTEM}/events"
    assert filled.get(address).json() == {"system": SYSTEM, "events": [], "next": None}
    exchange(hub)
    assert filled.get(address, params={"limit": 1}).json()["events"] == [
        {
            "at": "2016-08-15T04:00:00Z",
            "meter": "WN-1001",
            "device": MadeDevice().text,
            "kind": "exchange",
            "text": "Meter WN-1001 was exchanged for <WN-2002>.",
            "before": {"read_at": "2016-08-14T04:00:00Z", "raw": LAST_WH, "register_wh": LAST_WH},
            "after": {"read_at": "2016-08-15T04:00:00Z", "raw": 123_456, "register_wh": None},
        }
    ]
    assert filled.get("/api/v1/systems/SLF-NO-00001/events").status_code == 404
    assert filled.get(address, params={"limit": 0}).status_code == 422


def test_the_page_shows_what_happened_only_when_something_did(filled: TestClient, hub: Hub) -> None:
    """A table of events with the readings around them, escaped; a page without events has no such section."""
    page = f"/systems/{SYSTEM}"
    assert "What happened" not in filled.get(page).text
    exchange(hub)
    text = re.sub(r"\s+", " ", filled.get(page).text.replace("\u00a0", " "))
    assert "What happened to the meter" in text
    assert "Meter WN-1001 was exchanged for &lt;WN-2002&gt;." in text
    assert "19.124 kWh" in text
    assert "123,456 counts" in text
