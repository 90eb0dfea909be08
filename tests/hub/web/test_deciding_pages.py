"""The pages on which people decide: who sees them, what a form answers, and that nothing is decided twice."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.photos import keep_photo
from hub.rules.facts import ReportingMode
from hub.rules.permissions import Role
from hub.services.manage_people import add_account, approve_provider
from hub.services.submit_reading import parse_reported, submit_reading
from hub.store import ledger
from hub.store.accounts import Account
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_meter, add_system, enter
from tests.hub.test_photos import make_picture
from tests.hub.web.acting import give_password, let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

NOW = JAN.ends_at - 8 * 3_600_000
PDF = b"%PDF-1.7\n%%EOF\n"
PEOPLE = {
    "ann": (Role.REPORTER, SYSTEM),
    "owner": (Role.SYSTEM_OWNER, SYSTEM),
    "stranger": (Role.SYSTEM_OWNER, OTHER),
    "bea": (Role.OPERATOR, None),
}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub where a doubted reading of the first system waits, with an approved provider who is nothing yet."""
    settings = HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0))
    app = build_app(settings, now=lambda: NOW)
    database = app.state.hub.database
    for pts_id in (SYSTEM, OTHER):
        add_system(database, pts_id, reporting_mode=ReportingMode.MANUAL)
        meter = add_meter(database, f"PV-{pts_id[-1]}", pts_id, initial_at=JAN.previous().starts_at)
        enter(database, meter.meter, JAN.previous(), 400_000)
    let_in(app, PEOPLE, JAN.starts_at)
    add_account(database, Account("sunwatch", "Sunwatch", "", NOW, "test"))
    give_password(app, "sunwatch")
    approve_provider(database, "sunwatch", is_approved=True, actor="test", now=NOW, reason="")
    photo = keep_photo(tmp_path / "hub", make_picture())
    for _ in range(2):
        reported = parse_reported(SYSTEM, "", "410", "2024-01-31 15:00", now=NOW, photo=photo)
        submit_reading(database, reported, actor="ann", now=NOW)
    return app


def test_an_operator_looks_at_the_photo_and_decides_once(app: FastAPI) -> None:
    """A reason is asked for and what was typed stays; then it counts, and the second time it is decided already."""
    bea = signed_in(app, "bea")
    assert "1\u00a0reading to decide on" in bea.get("/systems").text
    page = bea.get("/reviews").text
    assert "410\u00a0kWh" in page
    assert "BELOW_EXPECTED" in page
    assert f">Roof {SYSTEM[-1]}</a>" in page
    assert "December 2023" in page
    assert "400\u00a0kWh" in page
    assert "10\u00a0kWh; expected in that time are" in page
    assert "read the meter again" not in page
    photo = bea.get("/reviews/2/photo")
    assert (photo.status_code, photo.headers["content-type"]) == (200, "image/jpeg")
    without = bea.send("/reviews/2", decision="approve")
    assert (without.status_code, "needs its reason" in without.text) == (422, True)
    assert bea.send("/reviews/2", decision="approve", reason="dial read").headers["location"] == "/reviews"
    assert "Nothing waits" in bea.get("/reviews").text
    again = bea.send("/reviews/2", decision="reject", reason="second thoughts")
    assert again.status_code == 422
    assert "was approved by bea already" in again.text
    with app.state.hub.database.read() as connection:
        entry = ledger.find_entry(connection, 1, JAN)
    assert entry is not None
    assert entry.accepted.register_wh == 410_000


@pytest.mark.parametrize("name", ["ann", "owner", "stranger", "sunwatch"])
def test_nobody_else_decides_on_readings(app: FastAPI, name: str) -> None:
    """Neither sees the queue nor acts in it; a stranger does not see the picture."""
    browser = signed_in(app, name)
    assert browser.get("/reviews").status_code == 403
    assert browser.send("/reviews/2", decision="approve", reason="mine").status_code == 403
    assert browser.get("/reviews/2/photo").status_code == (200 if name in {"ann", "owner"} else 403)
    assert browser.get("/reviews/9/photo").status_code == 404


def test_a_change_goes_from_the_owner_by_the_provider_to_the_operator(app: FastAPI) -> None:
    """Each sees what is theirs to do and nothing else, and the end is told."""
    owner, provider, bea = (signed_in(app, name) for name in ("owner", "sunwatch", "bea"))
    assert f"/systems/{SYSTEM}/changes/new" in owner.get("/account").text
    form = owner.get(f"/systems/{SYSTEM}/changes/new").text
    assert 'value="das_provider"' in form
    assert '<option value="sunwatch">' in form
    asked = owner.send(f"/systems/{SYSTEM}/changes/new", role="das_provider", account="sunwatch", reason="devices")
    assert asked.headers["location"] == "/changes/1"
    mine = owner.get("/changes/1").text
    assert "<h1>Sunwatch as das provider of " in mine
    assert "awaits provider" in mine
    assert 'value="withdraw"' in mine
    assert 'value="confirm"' not in mine
    assert owner.send("/changes/1", step="confirm").status_code == 403
    assert "1\u00a0change request in progress" in provider.get("/systems").text
    assert provider.send("/changes/1", step="confirm").headers["location"] == "/changes/1"
    assert 'value="confirm"' not in provider.get("/changes/1").text
    assert 'value="approve"' in bea.get("/changes/1").text
    silent = bea.send("/changes/1", step="ask", said="")
    assert (silent.status_code, "say something with ask" in silent.text) == (422, True)
    assert bea.send("/changes/1", step="approve").status_code == 303
    assert "in force" in owner.get("/changes/1").text
    assert "There is none" in bea.get("/changes").text
    assert "sunwatch: das provider" in bea.get("/changes?every=true").text


def test_rights_move_on_a_document_that_is_only_downloaded(app: FastAPI) -> None:
    """Without one the form comes back with what was typed."""
    owner = signed_in(app, "owner")
    path = f"/systems/{SYSTEM}/changes/new"
    fields = {"role": "rec_owner", "account": "ann", "reason": "sold", "since": "2024-03-01T00:00"}
    refused = owner.send(path, **fields)
    page = html.unescape(refused.text)
    assert (refused.status_code, "the signed contract" in page) == (422, True)
    assert 'value="sold"' in page
    assert 'value="2024-03-01T00:00"' in page
    headers = {"sec-fetch-site": "same-origin"}
    asked = owner.client.post(path, data=fields, files={"file": ("c.pdf", PDF)}, headers=headers)
    assert asked.status_code == 303
    shown = owner.get(asked.headers["location"]).text
    link = shown.split('href="/changes/1/documents/')[1].split('"')[0]
    document = owner.get(f"/changes/1/documents/{link}")
    assert (document.content, document.headers["content-type"]) == (PDF, "application/pdf")
    assert document.headers["content-disposition"].startswith("attachment")
    assert owner.get(f"/changes/1/documents/{'a' * 64}").status_code == 404


def test_what_is_too_long_comes_back_in_its_form(app: FastAPI) -> None:
    """With what was typed, and nothing of it is kept; a step that no form has is refused in plain words."""
    owner, bea = signed_in(app, "owner"), signed_in(app, "bea")
    path, long = f"/systems/{SYSTEM}/changes/new", "x" * 201
    answer = owner.send(path, role="das_provider", account="sunwatch", reason=long)
    assert (answer.status_code, "reason: write at most 200 characters" in answer.text) == (422, True)
    assert 'value="sunwatch"' in answer.text
    assert "/changes/1" not in owner.get("/changes").text
    owner.send(path, role="das_provider", account="sunwatch", reason="devices")
    answer = bea.send("/changes/1", step="reject", said=long)
    assert (answer.status_code, "said: write at most 200 characters" in answer.text) == (422, True)
    answer = bea.send("/reviews/2", decision="reject", reason=long)
    assert (answer.status_code, "reason: write at most 200 characters" in answer.text) == (422, True)
    assert "step: this has to be filled in" in bea.send("/changes/1", said="x").text
    assert "step: this cannot be meant: go back" in bea.send("/changes/1", step="dance").text


@pytest.mark.parametrize("path", [f"/systems/{SYSTEM}/changes/new", "/changes/1"])
def test_strangers_neither_ask_nor_see(app: FastAPI, path: str) -> None:
    """To them it is not there, or not theirs."""
    owner, stranger = signed_in(app, "owner"), signed_in(app, "stranger")
    owner.send(f"/systems/{SYSTEM}/changes/new", role="das_provider", account="sunwatch", reason="devices")
    assert stranger.get(path).status_code in {403, 404}
    fields = {"role": "system_owner", "account": "stranger", "reason": "mine", "step": "approve"}
    assert stranger.send(path, **fields).status_code in {403, 404}
    assert "There is none" in stranger.get("/changes").text
