"""What tests of the hub share: a database in a folder of its own, with one registered system, device and meter."""

from __future__ import annotations

import shutil
import sqlite3
from collections import namedtuple
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher

from hub import password_hashes
from hub.keys import ensure_receipt_key
from hub.services.open_hub import open_hub
from hub.services.register_device import register_device
from hub.services.register_meter import MeterRequest, register_meter
from hub.services.register_system import register_system
from hub.store import database as databases
from tests.hub.making import NOW, MadeDevice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from hub.store.database import Database

SYSTEM = "SLF-AB1234-00001"


@pytest.fixture(autouse=True, scope="session")
def _made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Migrate one database, and give every other empty one what that came to: a hundred times as fast."""
    folder = tmp_path_factory.mktemp("migrated")
    databases.open_database(folder, create=True).close()
    with sqlite3.connect(folder / databases.DATABASE_NAME) as made:
        statements = [one for one in made.iterdump() if one not in {"BEGIN TRANSACTION;", "COMMIT;"}]
    made.close()
    migrate, revision = databases.migrate, databases.SCHEMA_REVISION

    def fill(connection: Connection, path: Path) -> None:
        is_empty = databases.schema_revision(connection) is None
        if is_empty and revision == databases.SCHEMA_REVISION:
            for one in statements:
                connection.exec_driver_sql(one)
        else:
            migrate(connection, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(databases, "migrate", fill)
        yield


@pytest.fixture(autouse=True, scope="session")
def _light_passwords() -> Iterator[None]:
    """Hash passwords at a thousandth of the cost: what is tested is who knows one, not how long it takes to guess."""
    light = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password_hashes, "HASHER", light)
        yield


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
