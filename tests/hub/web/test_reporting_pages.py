"""The reporter's five steps as a browser without a script takes them, with Back and reload at every one."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.facts import ReportingMode
from hub.rules.periods import parse_month
from hub.rules.permissions import Role
from hub.store import ledger, submissions
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_meter, add_system, enter
from tests.hub.test_photos import make_picture
from tests.hub.web.acting import PASSWORD, let_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from httpx2 import Response

    from hub.store.database import Database

NOW = JAN.ends_at - 8 * 3_600_000
REPORT = f"/systems/{SYSTEM}/report"
READING = {"kwh": "1015.5", "at": "2024-01-31T15:00"}


class Reporter:
    """A signed-in reporter of one system, at a time of the test's choice."""

    def __init__(self, client: TestClient, database: Database, clock: list[int]) -> None:
        self.client = client
        self.database = database
        self.clock = clock

    def get(self, path: str) -> Response:
        """Open a page."""
        return self.client.get(path)

    def send(self, path: str, fields: dict[str, str], photo: bytes | None = None) -> Response:
        """Send a form, and do not follow where it leads."""
        files = {"file": ("meter.png", photo)} if photo else None
        return self.client.post(path, data=fields, files=files, headers={"sec-fetch-site": "same-origin"})

    def counting(self) -> list[int]:
        """Return the registers that count for January."""
        with self.database.read() as connection:
            return [
                one.accepted.register_wh
                for one in ledger.list_entries(connection, 1, every_version=True)
                if one.accepted.month == JAN
            ]


@pytest.fixture
def reporter(tmp_path: Path) -> Iterator[Reporter]:
    """Return the reporter of a system that is reported by hand; another system is somebody else's."""
    clock = [NOW]
    settings = HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0))
    app = build_app(settings, now=lambda: clock[0])
    database = app.state.hub.database
    for pts_id in (SYSTEM, OTHER):
        add_system(database, pts_id, reporting_mode=ReportingMode.MANUAL)
        meter = add_meter(database, f"PV-{pts_id[-1]}", pts_id, initial_at=JAN.previous().starts_at)
        enter(database, meter.meter, JAN.previous(), 400_000)
    let_in(app, {"ann": (Role.REPORTER, SYSTEM)}, JAN.starts_at)
    with TestClient(app, follow_redirects=False) as client:
        client.post("/sign-in", data={"account": "ann", "password": PASSWORD})
        yield Reporter(client, database, clock)


def shown_fields(page: str) -> dict[str, str]:
    """Return what the hidden fields of a page hold."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def wrong_fields(page: str) -> list[str]:
    """Return the names of the fields that a page marks as wrong, each with the problem that describes it."""
    marked = re.findall(r"<input [^>]*aria-invalid[^>]*>", page)
    assert all('aria-describedby="problem' in one for one in marked)
    return [name for one in marked for name in re.findall(r' name="(\w+)"', one)]


def test_five_steps_with_back_and_reload_at_each(reporter: Reporter) -> None:
    """Nothing is kept before it is saved; each page can be loaded again, and nothing is reported twice."""
    listed = reporter.get("/systems").text
    assert f'href="{REPORT}"' in listed
    assert "not reported yet" in listed
    form = reporter.get(REPORT)
    assert "400\xa0kWh" in form.text
    assert "Periods before" in form.text
    checked = reporter.send(REPORT, READING)
    assert checked.status_code == 303
    check = checked.headers["location"]
    for _ in range(2):
        page = reporter.get(check)
        assert (page.status_code, "615.5\xa0kWh since" in page.text) == (200, True)
        assert "Save: this is final" in page.text
    assert reporter.counting() == []
    back = re.search(rf'href="({REPORT}\?[^"]+)"', page.text)
    assert back is not None
    assert 'value="1015.5"' in reporter.get(html.unescape(back[1])).text
    saved = [reporter.send(f"{REPORT}/save", shown_fields(page.text)) for _ in range(2)]
    assert {one.headers["location"] for one in saved} == {f"{REPORT}/2024-01/experience"}
    assert reporter.counting() == [1_015_500]
    assert "it is saved already" in reporter.get(check).text
    for _ in range(2):
        assert reporter.get(f"{REPORT}/2024-01/experience").status_code == 200
    told = {"cost": "120.50", "outage": "3", "note": "inverter"}
    done = reporter.send(f"{REPORT}/2024-01/experience", told)
    assert done.headers["location"] == f"{REPORT}/2024-01"
    for _ in range(2):
        end = reporter.get(f"{REPORT}/2024-01").text
        assert "3 hours out of service, 120.50 dollars: inverter" in end
        assert "1,015.5\xa0kWh" in end
    assert 'value="120.50"' in reporter.get(f"{REPORT}/2024-01/experience").text
    assert "Enter a reading" not in reporter.get("/systems").text


def test_a_step_that_is_nothing_to_say_keeps_nothing(reporter: Reporter) -> None:
    """Next is enough."""
    enter(reporter.database, 1, JAN, 1_015_500)
    assert reporter.send(f"{REPORT}/2024-01/experience", {}).status_code == 303
    with reporter.database.read() as connection:
        assert submissions.list_experience(connection, SYSTEM, 5) == ()


@pytest.mark.parametrize(
    ("fields", "says", "wrong"),
    [
        ({"kwh": "many", "at": "2024-01-31T15:00"}, "is not a plain number", "kwh"),
        ({"kwh": "1,015.5", "at": "2024-01-31T15:00"}, "1,015.5", "kwh"),
        ({"kwh": "1015.5", "at": "yesterday"}, "is not a date and time", "at"),
    ],
)
def test_what_cannot_be_read_comes_back_as_it_was_typed(
    reporter: Reporter, fields: dict[str, str], says: str, wrong: str
) -> None:
    """With what is wrong at the field that it is about, and at no other."""
    answer = reporter.send(REPORT, fields)
    assert answer.status_code == 422
    assert wrong_fields(answer.text) == [wrong]
    page = html.unescape(answer.text)
    assert says in page
    assert f'value="{fields["kwh"]}"' in page
    assert 'role="alert"' in page


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kwh": "399", "at": "2024-01-31 15:00"}, "REGISTER_DECREASED"),
        ({"kwh": "1015.5", "at": "2024-02-20 15:00"}, "TIMESTAMP_FUTURE"),
        ({"kwh": "990000", "at": "2024-01-31 15:00"}, "ABOVE_PHYSICAL_LIMIT"),
    ],
)
def test_what_is_refused_says_what_to_do_and_cannot_be_saved(
    reporter: Reporter, fields: dict[str, str], code: str
) -> None:
    """The way back is there, the way on is not; sent all the same it is refused."""
    page = reporter.get(reporter.send(REPORT, fields).headers["location"])
    assert page.status_code == 422
    assert code in page.text
    assert "/save" not in page.text
    assert "Change it" in page.text
    assert reporter.send(f"{REPORT}/save", fields).status_code == 422
    assert reporter.counting() == []


def test_a_doubted_reading_goes_by_photo_to_the_operator(reporter: Reporter) -> None:
    """It is held first; with a picture it waits for a decision, and the last page says so."""
    little = {"kwh": "410", "at": "2024-01-31 15:00"}
    page = reporter.get(reporter.send(REPORT, little).headers["location"])
    assert "it will be looked at" in page.text
    held = reporter.send(f"{REPORT}/save", shown_fields(page.text))
    assert (held.status_code, "send it with a photo" in held.text) == (200, True)
    checked = reporter.send(REPORT, shown_fields(held.text), make_picture())
    again = reporter.get(checked.headers["location"])
    assert "Send it to the operator" in again.text
    assert reporter.send(f"{REPORT}/save", shown_fields(again.text)).status_code == 303
    step = reporter.get(f"{REPORT}/2024-01/experience").text
    assert "The reading waits for the operator" in step
    assert "is saved" not in step
    assert "waits for the operator" in reporter.get(f"{REPORT}/2024-01").text
    assert reporter.counting() == []
    listed = reporter.get("/systems").text
    assert "waits for the operator" in listed
    assert "not reported yet" not in listed
    assert "Enter a reading" not in listed
    back = reporter.get(checked.headers["location"])
    assert "Go on: it waits already" in back.text
    assert reporter.send(f"{REPORT}/save", shown_fields(back.text)).status_code == 303
    with reporter.database.read() as connection:
        assert len(submissions.list_undecided(connection, "review")) == 1


@pytest.mark.parametrize("month", ["2031-01", "2024-01", "2022-06"])
def test_a_month_that_nobody_sent_has_no_last_steps(reporter: Reporter, month: str) -> None:
    """404, with what to do: nothing is said to be saved or done, and nothing can be said beside it."""
    for path in (f"{REPORT}/{month}", f"{REPORT}/{month}/experience"):
        page = reporter.get(path)
        assert (page.status_code, "counts or waits" in page.text) == (404, True)
    assert reporter.send(f"{REPORT}/{month}/experience", {"cost": "5"}).status_code == 404
    with reporter.database.read() as connection:
        assert submissions.list_experience(connection, SYSTEM, 5) == ()


def test_a_month_long_ago_still_has_its_end(reporter: Reporter) -> None:
    """What counts for it is found though later months have come."""
    months = [parse_month(f"2024-{number:02d}") for number in range(1, 7)]
    for place, month in enumerate(months, start=1):
        enter(reporter.database, 1, month, 400_000 + 500_000 * place)
    page = reporter.get(f"{REPORT}/2024-01").text
    assert "900\xa0kWh" in page
    assert "500\xa0kWh" in page


def test_of_several_meters_each_waits_for_itself(reporter: Reporter) -> None:
    """The list says which is missing and which waits, and the way to the form stays while one is missing."""
    third = add_meter(reporter.database, "PV-3", SYSTEM, initial_at=JAN.starts_at)
    great = {"kwh": "3000", "at": "2024-01-31 15:00", "meter": "PV-1"}
    page = reporter.get(reporter.send(REPORT, great, make_picture()).headers["location"])
    assert reporter.send(f"{REPORT}/save", shown_fields(page.text)).status_code == 303
    listed = reporter.get("/systems").text
    assert "in part: PV-3 missing, PV-1 waits for the operator" in listed
    assert "Enter a reading" in listed
    enter(reporter.database, third.meter, JAN, 700_000)
    assert "A reading is saved, and another waits" in reporter.get(f"{REPORT}/2024-01/experience").text


def test_a_photo_at_once_spares_the_second_round(reporter: Reporter) -> None:
    """Who sends a picture with the reading need not be asked for one."""
    little = {"kwh": "410", "at": "2024-01-31 15:00"}
    page = reporter.get(reporter.send(REPORT, little, make_picture()).headers["location"])
    assert "A photo of the meter goes with it" in page.text
    assert reporter.send(f"{REPORT}/save", shown_fields(page.text)).status_code == 303
    refused = reporter.send(REPORT, little, b"<svg/>")
    assert (refused.status_code, wrong_fields(refused.text)) == (422, ["file"])
    assert 'value="410"' in refused.text


def test_between_windows_the_form_says_when_the_next_one_opens(reporter: Reporter) -> None:
    """And what is sent then is refused with the same."""
    reporter.clock[0] = JAN.starts_at + 15 * 86_400_000
    assert "No window is open" in reporter.get(REPORT).text
    page = reporter.get(reporter.send(REPORT, {"kwh": "500", "at": "2024-01-15 12:00"}).headers["location"])
    assert page.status_code == 422
    assert "WINDOW_CLOSED" in page.text


@pytest.mark.parametrize("path", ["", "/check?kwh=1", "/2024-01/experience", "/2024-01"])
def test_nobody_reports_for_another(reporter: Reporter, path: str) -> None:
    """403, with nothing of the other's data; and signed out one is asked who one is."""
    page = reporter.get(f"/systems/{OTHER}/report{path}")
    assert page.status_code == 403
    assert "400" not in page.text.replace("2024", "")
    assert reporter.send(f"/systems/{OTHER}/report/save", READING).status_code == 403
    reporter.client.cookies.clear()
    assert reporter.get(f"{REPORT}{path}").headers["location"].startswith("/sign-in?next=")
    assert reporter.send(f"{REPORT}/save", READING).status_code == 401


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"cost": "a lot"}, "what service cost"),
        ({"outage": "800"}, "the outage"),
        ({"outage": "1.5"}, "a whole number"),
        ({"outage": "some"}, "write only digits"),
        ({"note": "y" * 120}, "at most 100"),
    ],
)
def test_experience_that_cannot_be_comes_back(reporter: Reporter, fields: dict[str, str], says: str) -> None:
    """As it was typed, and nothing is kept."""
    enter(reporter.database, 1, JAN, 1_015_500)
    answer = reporter.send(f"{REPORT}/2024-01/experience", fields)
    assert (answer.status_code, says in answer.text) == (422, True)
    assert wrong_fields(answer.text) == list(fields)
    assert f'value="{next(iter(fields.values()))}"' in answer.text
