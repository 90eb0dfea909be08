"""A register that was counted from pulses is never shown as one that was read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.services.accept_blocks import accept_blocks
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from tests.hub.conftest import SYSTEM
from tests.hub.making import GENERATED, JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from hub.web.context import Hub


@pytest.mark.parametrize("bus", ["pulse", "rtu"])
def test_pages_and_api_say_how_a_meter_is_read(client: TestClient, hub: Hub, bus: str) -> None:
    """The fleet's and the system's page and the API name the class pulse for a counted meter, and for no other."""
    function_code = 0 if bus == "pulse" else 3
    meter = replace(make_meter(), bus=bus, registers={0: replace(GENERATED, function_code=function_code)})
    device = MadeDevice()
    device.seal(meter)
    device.seal(make_readings(meter, [5000, 5600], JULY_AT))
    register_device(hub.database, device.pem, "Mill", NOW)
    register_system(hub.database, SYSTEM, "Mill roof", "7.5", NOW)
    register_meter(hub.database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
    accept_blocks(hub.database, device.arrivals(), TERMS, NOW)
    [shown] = client.get("/api/v1/meters").json()["meters"]
    assert shown["bus"] == bus
    for page in ("/", f"/systems/{SYSTEM}"):
        assert ("<strong>pulse</strong>: counted, not read" in client.get(page).text) == (bus == "pulse")
