"""What tests of the hub share: a database in a folder of its own, with one registered system, device and meter."""

from __future__ import annotations

import shutil
from collections import namedtuple
from typing import TYPE_CHECKING

import pytest

from hub.keys import ensure_receipt_key
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from tests.hub.making import NOW, MadeDevice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.database import Database

SYSTEM = "SLF-AB1234-00001"


@pytest.fixture(autouse=True)
def _room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every hub a disk with room, whatever this machine has: a full one is an alert."""
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil returns it
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 5 * 10**11, 5 * 10**11))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return an empty hub's database, a real SQLite file, beside the key of its receipts."""
    ensure_receipt_key(tmp_path / "hub")
    opened = open_hub(tmp_path / "hub", new_timeline=b"timeline", at=NOW)
    yield opened
    opened.close()


@pytest.fixture
def registered(database: Database) -> Database:
    """Return a hub that knows device 1 and its meter WN-1001 of system SLF-AB1234-00001."""
    device = MadeDevice()
    register_device(database, device.pem, "Barn", NOW)
    register_system(database, SYSTEM, "Barn roof", "7.5", NOW)
    register_meter(database, MeterRequest(SYSTEM, device.text, "WN-1001"), NOW)
    return database
