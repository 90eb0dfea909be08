"""A hub and people, with tokens or at a browser, for tests of who may do what through the API and on pages."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi.testclient import TestClient

from hub.access.codes import STEP_MS, code_at
from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.facts import ReportingMode
from hub.rules.permissions import Relation, Role
from hub.services.manage_people import add_account, relate_account
from hub.services.manage_tokens import issue_token
from hub.services.set_password import make_link, set_password
from hub.services.sign_in import open_secret
from hub.store import sign_ins
from hub.store.accounts import Account
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fastapi import FastAPI
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

    app: FastAPI
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
        yield Api(app, client, database, tokens)


PASSWORD = "four words in a row"  # noqa: S105 - of a test


def let_in(app: FastAPI, people: Mapping[str, tuple[Role, str | None]], since: int) -> None:
    """Add people who sign in, each with a role since a time (UTC ms), for a system or for all of them (None)."""
    database, now = app.state.hub.database, app.state.hub.now()
    for name, (role, system) in people.items():
        add_account(database, Account(name, name.title(), f"{name}@example.org", now, "test"))
        relate_account(database, Relation(name, role, system, since), actor="test", now=now)
        give_password(app, name)


def give_password(app: FastAPI, name: str) -> None:
    """Have an account sign in with the password of these tests."""
    database, now = app.state.hub.database, app.state.hub.now()
    set_password(database, make_link(database, name, actor="test", now=now), PASSWORD, now)


class Browser:
    """A browser at a closed hub, at a time that the test chooses."""

    def __init__(self, app: FastAPI, clock: list[int], base: str = "http://hub.test") -> None:
        self.client = TestClient(app, base_url=base, follow_redirects=False)
        self.clock = clock
        self.database = app.state.hub.database
        self.sealer = app.state.hub.sealer

    def get(self, path: str, **headers: str) -> Response:
        """Get a page."""
        return self.client.get(path, headers=headers)

    def send(self, path: str, **fields: str) -> Response:
        """Send a form, as a browser does from our own page."""
        return self.client.post(path, data=fields, headers={"sec-fetch-site": "same-origin"})

    def sign_in(self, account: str, password: str = PASSWORD, target: str = "/account") -> Response:
        """Fill in the form."""
        return self.send("/sign-in", account=account, password=password, next=target)

    def code(self, account: str) -> str:
        """Return what the phone shows now."""
        with self.database.read() as connection:
            factor = sign_ins.find_factor(connection, account)
        assert factor is not None
        return code_at(open_secret(self.sealer, factor), self.clock[0] // STEP_MS)

    def enrol(self, account: str) -> list[str]:
        """Begin a second factor and return the recovery codes; who did not just sign in gives their password."""
        shown = self.get("/account/second-factor")
        if "authenticator" not in shown.text:
            shown = self.send("/account/second-factor/begin", password=PASSWORD)
        assert "authenticator" in shown.text
        shown = self.send("/account/second-factor", code=self.code(account))
        assert shown.status_code == 200, shown.text
        return re.findall(r"<code>(\S+)</code>", shown.text)


def signed_in(app: FastAPI, name: str) -> Browser:
    """Return the browser of somebody who just signed in; where the hub demands a second factor, they begin one."""
    # A test that moves the hub's clock keeps it there; for all others the hub's time stands still.
    browser = Browser(app, getattr(app.state, "clock", [app.state.hub.now()]))
    answer = browser.sign_in(name)
    leads_to = answer.headers.get("location")
    # Who has a second factor already is led to its code, and would be signed in by half.
    assert leads_to in {"/account", "/account/second-factor"}, leads_to or answer.text
    if leads_to == "/account/second-factor":
        browser.enrol(name)
    return browser
