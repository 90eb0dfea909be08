"""A hub without broker behind a test client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.services.accept_blocks import accept_blocks
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from tests.hub.conftest import SYSTEM
from tests.hub.making import JULY_AT, NOW, TERMS, MadeDevice, make_meter, make_readings
from tests.hub.programs import wait_until
from tests.hub.web.acting import open_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from hub.web.context import Hub
    from tests.hub.web.acting import Api

DAY_MS = 86_400_000
DAILY_WH = 321


class StandIn:
    """Stands in for the ingest: there or not, as a test wants it."""

    def __init__(self, *, connected: bool) -> None:
        self.connected = connected

    def start(self) -> None:
        """Begin nothing."""

    def stop(self) -> None:
        """End nothing."""


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return an empty hub without broker."""
    return build_app(
        HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0), is_open=True), now=lambda: NOW
    )


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """Return a client of the hub, which runs while the test does."""
    with TestClient(app) as opened:
        yield opened


@pytest.fixture
def hub(app: FastAPI) -> Hub:
    """Return the parts of the hub."""
    found: Hub = app.state.hub
    return found


@pytest.fixture
def filled(client: TestClient, hub: Hub) -> TestClient:
    """Return a client of a hub with one system whose meter was read daily from 1 July to 14 August 2016."""
    device = MadeDevice()
    device.seal(make_meter())
    for place in range(0, 45, 5):
        counts = [5000 + DAILY_WH * day for day in range(place, place + 5)]
        device.seal(make_readings(make_meter(), counts, JULY_AT + place * DAY_MS, DAY_MS))
    register_device(hub.database, device.pem, "Barn", NOW)
    register_system(hub.database, SYSTEM, "Barn roof", "7.5", NOW)
    register_meter(hub.database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
    accept_blocks(hub.database, device.arrivals(), TERMS, NOW)
    return client


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Return a hub in January's window with people: one system is reported by hand, the other by devices."""
    with open_api(tmp_path) as opened:
        yield opened


def wait_for_jobs(hub: Hub) -> None:
    """Wait until each job has looked once: one that is at work would open a database again that a test has closed."""
    names = ("automatic reporting", "window", "alerts", "telling")
    value = hub.counting.registry.get_sample_value
    wait_until(
        lambda: all(value("meterline_job_last_success_timestamp_seconds", {"job": name}) for name in names), "the jobs"
    )
