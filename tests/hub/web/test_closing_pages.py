"""Pages on which months are closed, findings decided, and quarters exported."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.facts import Programme, ProgrammeName
from hub.rules.permissions import Role
from hub.services.draw_missing import draw_missing
from hub.services.set_programme import set_programme
from hub.store import months
from tests.hub.reporting import FEB, JAN, MAR, OTHER, SYSTEM, add_meter, add_system, enter
from tests.hub.web.acting import Browser, let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

NOW = MAR.ends_at + 10 * 86_400_000
PEOPLE = {"bea": (Role.OPERATOR, None), "aud": (Role.AUDITOR, None), "owner": (Role.SYSTEM_OWNER, SYSTEM)}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with a system that was read for three months, and one that was not."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0)), now=lambda: NOW)
    database = app.state.hub.database
    for name in (SYSTEM, OTHER):
        add_system(database, name, gis_asset=f"NON1000{name[-1]}")
        meter = add_meter(database, f"PV-{name[-1]}", name)
        set_programme(database, Programme(name, ProgrammeName.SREC_1, JAN.last_day), NOW, "test", "letter")
    for month, wh in ((JAN, 400_000), (FEB, 900_000), (MAR, 8_700_000)):
        enter(database, 1, month, wh)
    assert meter.meter == 2
    let_in(app, PEOPLE, JAN.starts_at)
    return app


def run(app: FastAPI, browser: Browser, month: object, **fields: str) -> str:
    """Begin something with a month, wait until it has ended, and return the page of then."""
    sent = browser.send(f"/months/{month}", **fields)
    assert sent.status_code == 303, html.unescape(sent.text)
    app.state.hub.chores.wait(30)
    return html.unescape(browser.get(f"/months/{month}").text)


def test_a_month_is_looked_at_closed_drawn_up_again_and_amended(app: FastAPI) -> None:
    """Each on its button, beside the pages; what cannot be done says why and keeps what was typed."""
    bea = signed_in(app, "bea")
    assert "not gone over" in bea.get("/months").text
    assert "Nobody has gone over this month yet" in bea.get(f"/months/{FEB}").text
    assert "Run 1 over 2024-02 kept 2 systems." in run(app, bea, FEB, what="provisional")
    assert "It is provisional" in bea.get(f"/months/{FEB}").text
    closed = run(app, bea, FEB, what="close")
    assert "It is closed" in closed
    assert "500\xa0kWh" in closed
    again = bea.send(f"/months/{FEB}", what="close", reason="twice")
    assert (again.status_code, 'value="twice"' in again.text) == (422, True)
    assert "comes out the same bit for bit" in run(app, bea, FEB, what="verify")
    assert "needs its reason" in html.unescape(bea.send(f"/months/{FEB}", what="amend", reason="").text)
    assert "cannot be done with a month" in html.unescape(bea.send(f"/months/{FEB}", what="burn").text)
    enter(app.state.hub.database, 1, FEB, 950_000)
    assert "It is amended" in run(app, bea, FEB, what="amend", reason="read again")
    early = bea.send("/months/2024-04", what="close")
    assert early.status_code == 422


def _offered(page: str) -> list[str]:
    """Return what the buttons of a month's page do, in their order."""
    return re.findall(r'<button name="what" value="(\w+)"', page)


def test_a_month_offers_what_can_be_done_with_it(app: FastAPI) -> None:
    """Nothing that would be refused; what is final says so before its button, and a reason is for amending alone."""
    bea = signed_in(app, "bea")
    running = bea.get("/months/2024-04").text
    assert _offered(running) == ["provisional"]
    assert "once its window is over" in running
    fresh = bea.get(f"/months/{FEB}").text
    assert _offered(fresh) == ["provisional", "close"]
    assert "Closing is final" in fresh
    assert 'name="reason"' not in fresh
    assert _offered(run(app, bea, FEB, what="provisional")) == ["provisional", "close", "verify"]
    closed = run(app, bea, FEB, what="close")
    assert _offered(closed) == ["amend", "verify"]
    assert "<details open>" not in closed
    wrong = bea.send(f"/months/{FEB}", what="amend", reason="")
    assert "<details open>" in wrong.text
    assert 'aria-describedby="problem"' in wrong.text
    assert _offered(signed_in(app, "aud").get(f"/months/{FEB}").text) == []
    early = bea.send("/months/2024-04", what="amend", reason="x")
    assert (early.status_code, "nothing to amend" in early.text) == (422, True)


def test_systems_are_listed_by_state_and_saved(app: FastAPI) -> None:
    """A page at a time, and all of them as a table."""
    database = app.state.hub.database
    for number in range(60):
        add_system(database, f"S-{number:03d}")
        add_meter(database, f"M-{number}", f"S-{number:03d}")
    bea = signed_in(app, "bea")
    run(app, bea, FEB, what="close")
    path, seen = f"/months/{FEB}?state=missing", []
    while path:
        page = html.unescape(bea.get(path).text)
        seen += re.findall(r'<th scope="row"><a href="/systems/([^"]+)"', page)
        onward = re.findall(r'<a href="([^"#]+)[^"]*" rel="next"', page)
        path = onward[0] if onward else ""
    assert len(seen) == len(set(seen)) == 61
    saved = list(csv.DictReader(io.StringIO(bea.get(f"/months/{FEB}.csv").text)))
    assert len(saved) == 62
    assert [one["production_wh"] for one in saved if one["system"] == SYSTEM] == ["500000"]
    assert len(list(csv.DictReader(io.StringIO(bea.get(f"/months/{FEB}.csv?state=reported").text)))) == 1


def test_a_finding_is_decided_where_it_stands(app: FastAPI) -> None:
    """With its reason; an auditor sees it and decides nothing."""
    bea = signed_in(app, "bea")
    page = run(app, bea, MAR, what="close")
    (path,) = re.findall(r'action="(/months/2024-03/reviews/[^"]+)"', page)
    assert bea.send(path, decision="confirmed", reason="").status_code == 422
    (decision, *_) = re.findall(r'<option value="([a-z_]+)">', page)
    assert bea.send(path, decision=decision, reason="looked at the roof").headers["location"] == "/months/2024-03#found"
    assert "Decided:" in bea.get(f"/months/{MAR}").text
    aud = signed_in(app, "aud")
    assert "Close it" not in aud.get(f"/months/{MAR}").text
    assert aud.send(f"/months/{MAR}", what="close").status_code == 403
    assert aud.send(path, decision=decision, reason="x").status_code == 403


def test_a_quarter_is_exported_and_saved(app: FastAPI) -> None:
    """The same content is the same file; what cannot be made says why and keeps what was chosen."""
    bea = signed_in(app, "bea")
    refused = bea.send("/exports", quarter="2024-Q1", layout="nepool-gis", kind="final", reporting_id="")
    assert (refused.status_code, 'value="final" selected' in refused.text) == (422, True)
    for wrong in ({"layout": "papyrus"}, {"kind": "both"}, {"quarter": "Q1"}):
        fields = {"quarter": "2024-Q1", "layout": "nepool-gis", "kind": "final", **wrong}
        assert bea.send("/exports", **fields).status_code == 422
    for month in (JAN, FEB, MAR):
        run(app, bea, month, what="close")
    fields = {"quarter": "2024-Q1", "layout": "nepool-gis", "kind": "preliminary"}
    assert [bea.send("/exports", **fields).headers["location"] for _ in range(2)] == ["/exports/1"] * 2
    assert "10001" in bea.get("/exports/1").text
    saved = bea.get("/exports/1/content")
    assert "attachment" in saved.headers["content-disposition"]
    assert b"10001" in saved.content
    listed = bea.get("/exports").text.replace("\u00a0", " ")
    assert "nepool-gis-2024-Q1" in listed
    assert (
        "To be sent on 10 Jul 2024, to be created as certificates on 15 Jul 2024, traded until 15 Sep 2024." in listed
    )
    assert "Sent on 10 Jan 2024, created as certificates on 15 Jan 2024, traded until 15 Mar 2024." in listed
    assert bea.get("/exports/9").status_code == 404


def test_missing_production_is_shown_and_saved(app: FastAPI) -> None:
    """Of the quarter whose window closed last, or of another."""
    bea = signed_in(app, "bea")
    assert "has not gone over it yet" in bea.get("/missing?quarter=2024-Q1").text
    draw_missing(app.state.hub.database, NOW)
    page = html.unescape(bea.get("/missing?quarter=2024-Q1").text)
    assert "2024-01, 2024-02, 2024-03" in page
    (row,) = csv.DictReader(io.StringIO(bea.get("/missing.csv?quarter=2024-Q1").text))
    assert (row["system"], row["months_missing"]) == (OTHER, "2024-01 2024-02 2024-03")
    assert "2024-Q1" in bea.get("/missing").text
    assert "These were all." in bea.get(f"/missing?quarter=2024-Q1&after={OTHER}").text
    assert "no window of it has closed yet" in bea.get("/missing?quarter=2030-Q1").text
    assert bea.get("/missing?quarter=now").status_code == 422


@pytest.mark.parametrize("path", ["/months", "/months/2024-02", "/months/2024-02.csv", "/exports", "/missing"])
def test_an_owner_has_no_door_to_them(app: FastAPI, path: str) -> None:
    """They show all systems."""
    assert signed_in(app, "owner").get(path).status_code == 403
    with app.state.hub.database.read() as connection:
        assert months.list_runs(connection) == ()
