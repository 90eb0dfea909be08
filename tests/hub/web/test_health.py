"""`/livez` and `/readyz`: living needs nothing, being ready names what it needs."""

from __future__ import annotations

import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.services.checks import FREE_BYTES_MIN
from tests.hub.web.conftest import StandIn, wait_for_jobs

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from hub.web.context import Hub

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil returns it


def failing(client: TestClient) -> dict[str, str]:
    """Return the checks that fail, after making sure that the status says so too."""
    answer = client.get("/readyz")
    body = answer.json()
    bad = {check["name"]: check["text"] for check in body["checks"] if not check["ok"]}
    assert (answer.status_code, body["ready"]) == ((503, False) if bad else (200, True))
    return bad


def test_living_needs_nothing(client: TestClient, hub: Hub) -> None:
    """Also without its database the process answers: to restart it would mend nothing."""
    hub.database.path.unlink()
    assert (client.get("/livez").status_code, client.get("/livez").text) == (200, "ok\n")


def test_a_ready_hub_names_its_checks(client: TestClient) -> None:
    """Each has a name and a sentence, and nobody keeps the answer."""
    answer = client.get("/readyz")
    assert [check["name"] for check in answer.json()["checks"]] == ["database", "schema", "disk"]
    assert all(check["text"].endswith(".") for check in answer.json()["checks"])
    assert (answer.headers["cache-control"], failing(client)) == ("no-store", {})


@pytest.mark.parametrize("connected", [True, False])
def test_the_broker_counts_where_there_is_one(app: FastAPI, client: TestClient, hub: Hub, *, connected: bool) -> None:
    """A hub that takes blocks is not ready while none can arrive."""
    app.state.hub = replace(hub, ingest=StandIn(connected=connected))
    assert list(failing(client)) == ([] if connected else ["broker"])


def test_a_database_that_cannot_be_read(client: TestClient, hub: Hub) -> None:
    """The sentence names no path: anybody may ask."""
    wait_for_jobs(hub)
    hub.database.close()
    hub.database.path.write_bytes(b"no database at all" * 500)
    bad = failing(client)
    assert list(bad) == ["database", "schema"]
    assert str(hub.database.path.parent) not in str(bad)


def test_another_hub_changed_the_schema(client: TestClient, hub: Hub) -> None:
    """A hub that goes on under a schema it does not know is not ready."""
    with closing(sqlite3.connect(hub.database.path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert list(failing(client)) == ["schema"]


def test_a_full_disk(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before it is quite full."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9, FREE_BYTES_MIN - 1))
    assert list(failing(client)) == ["disk"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 0, FREE_BYTES_MIN))
    assert failing(client) == {}
