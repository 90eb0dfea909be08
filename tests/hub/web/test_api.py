"""The API: whole Wh, UTC, problems in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.services.accept_blocks import accept_blocks
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.web.conftest import DAILY_WH

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from hub.web.context import Hub


def test_a_month_says_what_and_from_where(filled: TestClient) -> None:
    """A month is whole Wh with the two readings, each with the block that proves it."""
    month = filled.get(f"/api/v1/systems/{SYSTEM}/months/2016-07").json()
    meters = month.pop("meters")
    assert month == {
        "system": SYSTEM,
        "month": "2016-07",
        "production_wh": 31 * DAILY_WH,
        "resolution_wh": 1,
        "complete": True,
        "from": {
            "name": "WN-1001/1-0:2.8.0@2016-07-01T04:00:00Z",
            "read_at": "2016-07-01T04:00:00Z",
            "register_wh": 5000,
            "raw": 5000,
            "resolution_wh": 1,
            "time_quality": 2,
            "placing": "as_read",
            "meter": "WN-1001",
            "device": MadeDevice().text,
            "epoch": MadeDevice().epoch.hex(),
            "seq": 1,
        },
        "to": {
            "name": "WN-1001/1-0:2.8.0@2016-08-01T04:00:00Z",
            "read_at": "2016-08-01T04:00:00Z",
            "register_wh": 5000 + 31 * DAILY_WH,
            "raw": 5000 + 31 * DAILY_WH,
            "resolution_wh": 1,
            "time_quality": 2,
            "placing": "as_read",
            "meter": "WN-1001",
            "device": MadeDevice().text,
            "epoch": MadeDevice().epoch.hex(),
            "seq": 7,
        },
    }
    assert (meters[0]["from"], meters[0]["to"]) == (month["from"], month["to"])


def test_months_add_up_and_come_in_order(filled: TestClient) -> None:
    """The months of a system, the earliest first, are together what the register gained."""
    months = filled.get(f"/api/v1/systems/{SYSTEM}/months").json()["months"]
    assert [(month["month"], month["complete"]) for month in months] == [("2016-07", True), ("2016-08", False)]
    assert sum(month["production_wh"] for month in months) == 44 * DAILY_WH


def test_several_meters_have_their_readings_below(filled: TestClient, hub: Hub) -> None:
    """With two meters the system's own `from` and `to` are null and each meter has its own."""
    device = MadeDevice(seed=2)
    device.seal(make_meter(serial="B"), make_readings(make_meter(serial="B"), [0, 70], JULY_AT, 31 * 86_400_000))
    register_device(hub.database, device.pem, "", NOW)
    register_meter(hub.database, MeterRequest(SYSTEM, device.text, "B"), NOW)
    accept_blocks(hub.database, device.arrivals(), TERMS, NOW)
    month = filled.get(f"/api/v1/systems/{SYSTEM}/months/2016-07").json()
    assert (month["production_wh"], month["from"], month["to"]) == (31 * DAILY_WH + 70, None, None)
    assert {meter["meter"]: meter["production_wh"] for meter in month["meters"]} == {"WN-1001": 31 * DAILY_WH, "B": 70}


def test_readings_page_by_page_are_all_of_them(filled: TestClient) -> None:
    """Following `next` gives every reading once, in order of time."""
    found: list[str] = []
    after: str | None = None
    while True:
        query = {"system": SYSTEM, "limit": "7", **({"after": after} if after else {})}
        page = filled.get("/api/v1/readings", params=query).json()
        found += [reading["read_at"] for reading in page["readings"]]
        after = page["next"]
        if after is None:
            break
    assert len(found) == len(set(found)) == 45
    assert found == sorted(found)


def test_lists_name_what_there_is(filled: TestClient) -> None:
    """Systems, devices and meters come with what a program needs of them."""
    (system,) = filled.get("/api/v1/systems").json()["systems"]
    assert system == filled.get(f"/api/v1/systems/{SYSTEM}").json()
    assert system == {"system": SYSTEM, "name": "Barn roof", "capacity_kw_dc": "7.5", "meters": ["WN-1001"]}
    devices = filled.get("/api/v1/devices").json()
    assert (devices["devices"][0]["committed"], devices["unknown"]) == (9, [])
    (meter,) = filled.get("/api/v1/meters").json()["meters"]
    assert (meter["system"], meter["last_reading"]["register_wh"]) == (SYSTEM, 5000 + 44 * DAILY_WH)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/systems/NOPE", 404, "'NOPE' is not registered"),
        ("/api/v1/systems/NOPE/months", 404, "'NOPE' is not registered"),
        (f"/api/v1/systems/{SYSTEM}/months/2016-13", 422, "YYYY-MM"),
        (f"/api/v1/systems/{SYSTEM}/months/1999-01", 404, "no reading in 1999-01"),
        ("/api/v1/readings?system=NOPE", 404, "'NOPE'"),
        (f"/api/v1/readings?system={SYSTEM}&after=x", 422, "`next`"),
        (f"/api/v1/readings?system={SYSTEM}&after=99999999999999999999.1.0badcafe.1", 422, "`next`"),
        (f"/api/v1/readings?system={SYSTEM}&after=1.-9223372036854775809.0badcafe.1", 422, "`next`"),
        (f"/api/v1/readings?system={SYSTEM}&after=1.1.ab.1", 422, "`next`"),
        (f"/api/v1/readings?system={SYSTEM}&limit=0", 422, "limit"),
        ("/api/v1/readings", 422, "system"),
        ("/api/v1/nothing", 404, "/api/v1/nothing"),
    ],
)
def test_problems_are_one_sentence(filled: TestClient, path: str, status: int, words: str) -> None:
    """RFC 9457 problem details name the thing."""
    answer = filled.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert words in answer.json()["detail"]


def test_a_method_that_changes_things_is_not_there(filled: TestClient) -> None:
    """Readings come from devices and by reports, and nobody posts or deletes one here."""
    assert filled.post("/api/v1/readings").status_code == 405


def test_the_api_describes_itself(client: TestClient) -> None:
    """OpenAPI names the fields as they are sent."""
    described = client.get("/api/v1/openapi.json").json()
    assert "/api/v1/systems/{pts_id}/months/{month}" in described["paths"]
    assert {"from", "to"} <= set(described["components"]["schemas"]["MonthJson"]["properties"])
