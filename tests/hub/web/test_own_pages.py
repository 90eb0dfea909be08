"""Pages for owners: one sentence that needs no explanation, bars, statements to save, and certificates."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.closing import RunKind
from hub.rules.facts import Programme, ProgrammeName, ReportingMode, SystemFacts
from hub.rules.permissions import Relation, Role
from hub.rules.reported import ReportState
from hub.rules.windows import window_of
from hub.services.close_month import close_month
from hub.services.manage_people import relate_account
from hub.services.read_own import OwnMonth, OwnSystem
from hub.store import facts, system_meters
from hub.store.facts import BEGINNING, Recorded
from hub.web.own_words import tell_standing
from tests.hub.reporting import APR, DAY_MS, FEB, JAN, MAR, OTHER, SYSTEM, add_meter, add_system, enter
from tests.hub.web.acting import let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI


NOW = window_of(FEB).opens_at + DAY_MS
PEOPLE = {
    "owner": (Role.SYSTEM_OWNER, SYSTEM),
    "rec": (Role.REC_OWNER, SYSTEM),
    "ann": (Role.REPORTER, SYSTEM),
    "bea": (Role.OPERATOR, None),
}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub in February's window where January of one system was accepted: 1,612 kWh."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0)), now=lambda: NOW)
    database = app.state.hub.database
    for pts_id, gis_asset in ((SYSTEM, "NON12345"), (OTHER, "")):
        add_system(database, pts_id, reporting_mode=ReportingMode.MANUAL, gis_asset=gis_asset)
        meter = add_meter(database, f"PV-{pts_id[-1]}", pts_id)
        enter(database, meter.meter, JAN, 1_612_000)
    programme = Programme(SYSTEM, ProgrammeName.SREC_2, BEGINNING)
    with database.write() as connection:
        facts.add_programmes(connection, [programme], Recorded("test", NOW))
    close_month(database, JAN, RunKind.CLOSE, actor="test", now=window_of(JAN).closes_at)
    let_in(app, PEOPLE, JAN.starts_at)
    return app


def _text(page: str) -> str:
    main = page[page.index("<main") : page.index("</main>")]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).replace("\u00a0", " ").split())


@pytest.mark.parametrize(("name", "leads_to"), [("owner", "/mine"), ("rec", "/mine"), ("ann", "/systems")])
def test_an_owner_begins_with_what_is_theirs(app: FastAPI, name: str, leads_to: str) -> None:
    """A reporter goes on to the list of what to report."""
    assert signed_in(app, name).get("/").headers["location"] == leads_to


def test_an_owner_is_told_in_a_sentence(app: FastAPI) -> None:
    """What was accepted, and what can be reported until when; each month can be saved, and nothing is of others."""
    owner = signed_in(app, "owner")
    page = owner.get("/mine").text
    told = "January 2024 is reported and accepted: 1,612 kWh. February 2024 can be reported until 5 Mar 2024."
    assert told in _text(page)
    assert 'aria-label="January 2024: 1,612\u00a0kWh, ' in page
    for form in ("pdf", "csv"):
        assert owner.get(f"/systems/{SYSTEM}/statements/2024-01.{form}").status_code == 200
        assert f'href="/systems/{SYSTEM}/statements/2024-01.{form}"' in page
    assert OTHER not in page
    assert "Enter a reading" not in page
    for jargon in ("epoch", "block", "register", "custody"):
        assert jargon not in _text(page).lower()


def test_who_has_several_systems_sees_how_each_stands(app: FastAPI) -> None:
    """First a sentence for each, without their charts; each leads to its months, and from there back."""
    relate_account(
        app.state.hub.database, Relation("owner", Role.SYSTEM_OWNER, OTHER, NOW - DAY_MS), actor="test", now=NOW
    )
    owner = signed_in(app, "owner")
    page = owner.get("/mine").text
    assert _text(page).count("January 2024 is reported and accepted: 1,612 kWh.") == 2
    assert "<figure" not in page
    for pts_id in (SYSTEM, OTHER):
        assert f'href="/mine?system={pts_id}"' in page
        of_one = owner.get(f"/mine?system={pts_id}").text
        assert "January 2024 is reported and accepted: 1,612 kWh." in _text(of_one)
        assert f'href="/systems/{pts_id}/statements/2024-01.pdf"' in of_one
        assert '<a href="/mine">' in of_one
    assert "<figure" in owner.get(f"/mine?system={SYSTEM}").text
    assert signed_in(app, "rec").get(f"/mine?system={OTHER}").status_code == 403


def test_an_owner_is_told_in_plain_words_what_is_not_theirs(app: FastAPI) -> None:
    """A page that is not for them names no rule first, and leads on to their own; so does the page of a system."""
    owner = signed_in(app, "owner")
    refused = owner.get("/hub")
    assert refused.status_code == 403
    assert "<h1>This page is not yours to see</h1>" in refused.text
    told, why = _text(refused.text).split(" Why ")
    assert told.endswith("Ask whoever runs this hub if it should be, or go on with what is yours. To your first page")
    assert (
        why == "owner may not view production of the hub: nothing relates them now; ask for a change request or an "
        "operator"
    )
    assert "Fleet" not in refused.text
    for page in (owner.get(f"/systems/{SYSTEM}"), owner.get(f"/systems/{SYSTEM}", **{"x-fragment": "system"})):
        assert f'<p class="eyebrow"><a href="/mine">My systems</a> / {SYSTEM}</p>' in page.text


def test_who_may_report_too_finds_the_way(app: FastAPI) -> None:
    """The page of one's own systems is for reporters as well; staff are led to the fleet."""
    assert f'href="/systems/{SYSTEM}/report"' in signed_in(app, "ann").get("/mine").text
    bea = signed_in(app, "bea")
    assert bea.get("/mine").headers["location"] == "/"


def test_a_rec_owner_sees_what_counts(app: FastAPI) -> None:
    """Totals first, then asset by asset with the last quarter; staff see those without an asset too."""
    rec = _text(signed_in(app, "rec").get("/certificates").text)
    assert "Certificates 1 Counted so far 1.612 MWh Missing nothing" in rec
    assert "2024-Q1: 1 certificate to be created on 15 Jul 2024 1 1.612 MWh 0.612 MWh" in rec
    assert "Without an asset" not in rec
    bea = signed_in(app, "bea")
    assert "Roof 2 : register its GIS asset id" in _text(bea.get("/certificates").text)
    assert "These were all." in bea.get("/certificates?after=Z").text


def test_an_asset_has_its_quarters(app: FastAPI) -> None:
    """Month by month, the last quarter open; it is for who may see the system, and one without an asset has none."""
    address = f"/systems/{SYSTEM}/certificates"
    rec = signed_in(app, "rec")
    assert f'href="{address}"' in rec.get("/certificates").text
    text = _text(rec.get(address).text)
    assert "Certificates 1 Counted so far 1.612 MWh Left over for the next month 0.612 MWh" in text
    assert "2024-Q1 1.612 MWh counted, 1 certificate, to be created on 15 Jul 2024." in text
    assert "January 2024 1,612 kWh 1.612 MWh 1 0.612 MWh" in text
    assert rec.get(f"/systems/{OTHER}/certificates").status_code == 403
    bea = signed_in(app, "bea")
    assert bea.get(f"/systems/{OTHER}/certificates").status_code == 404


def test_missing_months_are_told_once_for_all_assets(app: FastAPI) -> None:
    """Their number leads to the list, where each month leads to its system; the asset's page has them too."""
    for month in (FEB, MAR, APR):
        close_month(app.state.hub.database, month, RunKind.CLOSE, actor="test", now=window_of(month).closes_at)
    rec = signed_in(app, "rec")
    page = rec.get("/certificates").text
    assert '<a href="#missing">3\u00a0months</a>' in page
    assert "Not reported, so nothing is sent: April 2024, March 2024, February 2024" in _text(page).replace(" ,", ",")
    assert f'href="/systems/{SYSTEM}?month=2024-02"' in page
    asset = _text(rec.get(f"/systems/{SYSTEM}/certificates").text)
    assert "April 2024 , March 2024 , February 2024" in asset


def test_a_list_of_systems_shows_the_last_year_of_each(app: FastAPI) -> None:
    """Two closed months make a line with its ends in words; one is too short for it."""
    assert "too short" in _text(signed_in(app, "ann").get("/systems").text)
    database = app.state.hub.database
    with database.read() as connection:
        (meter,) = system_meters.list_meters_of(connection, SYSTEM)
    enter(database, meter, FEB, 2_000_000)
    close_month(database, FEB, RunKind.CLOSE, actor="test", now=window_of(FEB).closes_at)
    page = signed_in(app, "ann").get("/systems").text
    assert "From 1,612\u00a0kWh to 388\u00a0kWh." in page
    assert page.count('<span class="spark">') == 1


def _facts(mode: ReportingMode = ReportingMode.MANUAL) -> SystemFacts:
    return SystemFacts(SYSTEM, "Roof", BEGINNING, 7_500, reporting_mode=mode)


@pytest.mark.parametrize(
    ("month", "mode", "is_open", "told"),
    [
        (None, "manual", False, "Nothing was reported yet. February 2024 can be reported from 25 Feb 2024 until 5 Mar"),
        (
            OwnMonth(JAN, ReportState.MISSING, None, is_closed=True),
            "manual",
            True,
            "2024 was not reported. Feb",
        ),
        (
            OwnMonth(JAN, ReportState.PARTIAL, None, is_closed=True),
            "manual",
            True,
            "reading of a meter is missing.",
        ),
        (OwnMonth(JAN, ReportState.REPORTED, None, is_closed=True), "manual", True, "its number is being looked at."),
        (OwnMonth(JAN, ReportState.ESTIMATED, 5_000, is_closed=True), "manual", True, "no reading came for it: 5 kWh."),
        (OwnMonth(FEB, ReportState.PARTIAL, None, is_closed=False), "automatic", True, "reports by itself until 5 Mar"),
        (None, "automatic", False, "February 2024 reports by itself from 25 Feb 2024."),
    ],
)
def test_every_state_has_its_words(month: OwnMonth | None, mode: str, is_open: bool, told: str) -> None:  # noqa: FBT001
    """Whatever became of a month, it is said in a sentence, with what comes next."""
    own = OwnSystem(_facts(ReportingMode(mode)), (), (month,) if month else (), window_of(FEB), is_open)
    assert told in tell_standing(own).replace("\u00a0", " ")


def test_what_is_done_wants_nothing_more() -> None:
    """Where the open window's month is accepted, nothing else is asked."""
    done = OwnMonth(FEB, ReportState.REPORTED, 388_000, is_closed=False)
    own = OwnSystem(_facts(), (), (done,), window_of(FEB), is_open=True)
    assert tell_standing(own).replace("\u00a0", " ") == "February 2024 is reported and accepted: 388 kWh."
