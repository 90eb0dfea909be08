"""A hub and people with tokens, for tests of who may do what through the API."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi.testclient import TestClient

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.facts import ReportingMode
from hub.rules.permissions import Relation, Role
from hub.services.manage_people import add_account, issue_token, relate_account
from hub.store.accounts import Account
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from httpx2 import Response

    from hub.config import ForwardSettings
    from hub.store.database import Database

NOW = JAN.ends_at - 8 * 3_600_000
DAY_MS = 86_400_000
API = "/api/v1"
PEOPLE = {
    "ann": (Role.REPORTER, SYSTEM),
    "owner": (Role.SYSTEM_OWNER, SYSTEM),
    "neighbour": (Role.SYSTEM_OWNER, OTHER),
    "das": (Role.DAS_PROVIDER, OTHER),
    "bea": (Role.OPERATOR, None),
    "sec": (Role.SECURITY_ADMIN, None),
}


@dataclass
class Api:
    """A hub in January's window with some people, each with a token."""

    client: TestClient
    database: Database
    tokens: dict[str, str]

    def post(self, who: str, path: str, body: object) -> Response:
        """Post as somebody."""
        return self.client.post(f"{API}/{path}", json=body, headers=self.headers(who))

    def get(self, who: str, path: str) -> Response:
        """Get as somebody."""
        return self.client.get(f"{API}/{path}", headers=self.headers(who))

    def headers(self, who: str) -> dict[str, str]:
        """Return the header that says who asks."""
        return {"authorization": f"Bearer {self.tokens[who]}"}


@contextmanager
def open_api(folder: Path, forward: ForwardSettings | None = None) -> Iterator[Api]:
    """Yield such a hub: one system is reported by hand, the other by devices."""
    app = build_app(
        HubSettings(folder / "hub", broker=None, listen=Address("127.0.0.1", 0), forward=forward), now=lambda: NOW
    )
    database: Database = app.state.hub.database
    for name, mode in ((SYSTEM, ReportingMode.MANUAL), (OTHER, ReportingMode.AUTOMATIC)):
        add_system(database, name, reporting_mode=mode)
        meter = add_meter(database, f"PV-{name[-1]}", name, initial_at=JAN.previous().starts_at)
        enter(database, meter.meter, JAN.previous(), 400_000)
    tokens = {}
    for name, (role, system) in PEOPLE.items():
        add_account(database, Account(name, name.title(), f"{name}@example.org", NOW - DAY_MS, "test"))
        relate_account(database, Relation(name, role, system, NOW - DAY_MS), actor="test", now=NOW - DAY_MS)
        tokens[name] = issue_token(database, name, 30 * DAY_MS, actor="test", now=NOW - DAY_MS)
    with TestClient(app) as client:
        yield Api(client, database, tokens)
