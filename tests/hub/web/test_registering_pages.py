"""Forms of systems, meters and exchanges: what is wrong stands at its field, and what was typed stays."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, event

from hub.app import build_app
from hub.config import Address, HubSettings
from hub.rules.permissions import Role
from hub.store import exchanges, facts, meter_facts, registry
from hub.web.forms import Field, Form, WrongFieldError, read_field
from hub.web.pages.exchanges import EXCHANGES_SHOWN
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_meter, add_system
from tests.hub.test_photos import make_picture
from tests.hub.web.acting import let_in, signed_in

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI
    from httpx2 import Response

    from hub.store.database import Database

NOW = JAN.ends_at - 8 * 3_600_000
PEOPLE = {
    "bea": (Role.OPERATOR, None),
    "otto": (Role.OPERATOR, None),
    "ian": (Role.INSTALLER, SYSTEM),
    "owner": (Role.SYSTEM_OWNER, SYSTEM),
}
NEW = "SLF-CD1234-00009"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return a hub with two systems, the first with a meter, and people who run it, install and own."""
    app = build_app(HubSettings(tmp_path / "hub", broker=None, listen=Address("127.0.0.1", 0)), now=lambda: NOW)
    database = app.state.hub.database
    for pts_id in (SYSTEM, OTHER):
        add_system(database, pts_id)
    add_meter(database, initial_at=JAN.previous().starts_at)
    let_in(app, PEOPLE, JAN.starts_at)
    return app


def wrong_field(answer: Response) -> str:
    """Return the name of the field that a refused form marks."""
    assert answer.status_code == 422, answer.text
    (marked,) = re.findall(r'<(?:input|select|textarea) id="(\w+)"[^>]*aria-invalid="true"', answer.text)
    return str(marked)


def told(answer: Response) -> str:
    """Return what a refused form says."""
    (sentence,) = re.findall(r'<p class="problem"[^>]*>([^<]+)</p>', answer.text)
    return html.unescape(str(sentence))


def database_of(app: FastAPI) -> Database:
    """Return the hub's database."""
    database: Database = app.state.hub.database
    return database


def test_a_system_is_registered_with_all_that_is_known(app: FastAPI) -> None:
    """Sent twice it is one; the page goes on to the system."""
    bea = signed_in(app, "bea")
    fields = {
        "pts_id": NEW,
        "name": "Library roof",
        "capacity_kw_dc": "24.5",
        "technology": "pv",
        "town": "Lowell",
        "zip_code": "01850",
        "in_service_on": "2023-05-02",
        "reporting_mode": "manual",
        "programme": "srec_2",
        "programme_from_on": "2023-05-02",
        "factor": "0.8",
    }
    assert "Register a system" in bea.get("/systems/new").text
    for _ in range(2):
        assert bea.send("/systems/new", **fields).headers["location"] == f"/systems/{NEW}"
    with database_of(app).read() as connection:
        versions = facts.list_system_versions(connection, NEW)
        (programme,) = facts.list_programme_versions(connection, NEW)
    assert len(versions) == 1
    known = versions[0].facts
    assert (known.name, known.capacity_w_dc, known.town, known.zip_code) == ("Library roof", 24_500, "Lowell", "01850")
    assert programme.facts.programme.value == "srec_2"
    assert "Library roof" in bea.get(f"/systems/{NEW}").text


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"pts_id": ""}, "pts_id", "has to be filled in"),
        ({"capacity_kw_dc": ""}, "capacity_kw_dc", "has to be filled in"),
        ({"capacity_kw_ac": "1,5"}, "capacity_kw_ac", "decimal"),
        ({"zip_code": "1850"}, "zip_code", "zero"),
        ({"in_service_on": "5/2/2023"}, "in_service_on", "YYYY-MM-DD"),
        ({"latitude": "142"}, "latitude", "from -90 to 90"),
        ({"town": "x" * 201}, "town", "at most 200"),
    ],
)
def test_what_is_wrong_stands_at_its_field(app: FastAPI, fields: dict[str, str], field: str, says: str) -> None:
    """With what was typed, and nothing is registered."""
    bea = signed_in(app, "bea")
    typed = {"pts_id": NEW, "name": 'The "Barn" & <roof>', "capacity_kw_dc": "7.5", **fields}
    answer = bea.send("/systems/new", **typed)
    assert wrong_field(answer) == field
    assert says in told(answer)
    assert 'value="The &#34;Barn&#34; &amp; &lt;roof&gt;"' in answer.text
    with database_of(app).read() as connection:
        assert registry.find_system(connection, NEW) is None


def test_a_problem_of_the_whole_stands_above_it(app: FastAPI) -> None:
    """A PTS id that stands for another name is no slip of one field."""
    bea = signed_in(app, "bea")
    answer = bea.send("/systems/new", pts_id=SYSTEM, name="Another", capacity_kw_dc="7.5")
    assert answer.status_code == 422
    assert "already registered as" in told(answer)
    assert "aria-invalid" not in answer.text


def test_what_is_known_changes_from_a_day_on(app: FastAPI) -> None:
    """The form shows the nameplate that holds, and needs a reason."""
    bea = signed_in(app, "bea")
    path = f"/systems/{SYSTEM}/facts/new"
    assert 'value="7.5"' in bea.get(path).text
    refused = bea.send(path, effective_on="2024-01-15", capacity_kw_dc="9")
    assert wrong_field(refused) == "reason"
    assert wrong_field(bea.send(path, effective_on="soon", reason="grew")) == "effective_on"
    sent = bea.send(path, effective_on="2024-01-15", capacity_kw_dc="9", town="Salem", reason="grew")
    assert sent.headers["location"] == f"/systems/{SYSTEM}"
    with database_of(app).read() as connection:
        held = [one.facts.capacity_w_dc for one in facts.list_system_versions(connection, SYSTEM)]
    assert held == [7_500, 9_000]


def test_a_programme_is_set(app: FastAPI) -> None:
    """Its name is asked for, and its beginning."""
    bea = signed_in(app, "bea")
    path = f"/systems/{SYSTEM}/programmes/new"
    assert wrong_field(bea.send(path, programme="", reason="x")) == "programme"
    assert bea.send(path, programme="srec_1", reason="x").status_code == 422
    sent = bea.send(path, programme="srec_1", programme_from_on="2023-12-01", reason="letter")
    assert sent.headers["location"] == f"/systems/{SYSTEM}"
    with database_of(app).read() as connection:
        (kept,) = facts.list_programme_versions(connection, SYSTEM)
    assert kept.facts.programme.value == "srec_1"


def test_a_meter_is_registered_whole_or_not_at_all(app: FastAPI) -> None:
    """A register without its time is refused and leaves no meter; sent right, it is there with what is known of it."""
    bea = signed_in(app, "bea")
    path = f"/systems/{OTHER}/meters/new"
    assert 'value="PV-7"' in bea.get(f"{path}?serial=PV-7&make=Itron").text
    half = {"serial": "PV-7", "make": "Itron", "initial_kwh": "12.5"}
    assert "give both or none" in told(bea.send(path, **half))
    with database_of(app).read() as connection:
        assert registry.list_meters(connection, OTHER) == ()
    whole = {**half, "initial_at": "2024-01-02 12:00", "seal": "S-1", "is_revenue_grade": "yes"}
    for _ in range(2):
        assert bea.send(path, **whole).headers["location"] == f"/systems/{OTHER}"
    with database_of(app).read() as connection:
        (meter,) = meter_facts.list_meter_facts(connection, [OTHER])[OTHER]
        assert len(meter_facts.list_meter_versions(connection, meter.meter)) == 1
    assert (meter.initial_wh, meter.seal, meter.is_revenue_grade, meter.is_das) == (12_500, "S-1", True, False)
    assert "is already known with another seal" in told(bea.send(path, **{**whole, "seal": "S-2"}))


def test_an_exchange_is_told_by_one_and_decided_by_another(app: FastAPI) -> None:
    """The installer sends a picture; it is looked at as a download, and whoever told of it does not decide."""
    ian, bea, otto = (signed_in(app, name) for name in ("ian", "bea", "otto"))
    path = f"/systems/{SYSTEM}/exchanges/new"
    fields = {
        "serial": "PV-1",
        "final_kwh": "400.5",
        "at": "2024-01-20 12:00",
        "new_serial": "PV-2",
        "new_make": "Itron",
        "initial_kwh": "0",
    }
    assert '<option value="PV-1">' in ian.get(path).text
    without = ian.send(path, **fields)
    assert wrong_field(without) == "file"
    assert 'value="PV-2"' in without.text
    disguised = ian.client.post(
        path,
        data=fields,
        files={"file": ("a.png", b"<script>", "image/png")},
        headers={"sec-fetch-site": "same-origin"},
    )
    assert wrong_field(disguised) == "file"
    picture = {"file": ("dial.jpg", make_picture(), "image/jpeg")}
    for _ in range(2):
        sent = ian.client.post(path, data=fields, files=picture, headers={"sec-fetch-site": "same-origin"})
        assert sent.status_code == 303, sent.text
    assert ian.get("/exchanges").status_code == 403
    page = bea.get("/exchanges").text
    assert page.count("PV-2") == 1
    assert "400.5" in page
    evidence = bea.get("/exchanges/1/evidence")
    assert (evidence.status_code, evidence.headers["content-type"]) == (200, "image/jpeg")
    assert "attachment" in evidence.headers["content-disposition"]
    assert signed_in(app, "owner").get("/exchanges/1/evidence").status_code == 403
    refused = bea.send("/exchanges/1", decision="refuse", reason="")
    assert "say why" in told(refused)
    assert bea.send("/exchanges/1", decision="approve").headers["location"] == "/exchanges"
    assert "Nothing waits" in bea.get("/exchanges").text
    assert "was approved by bea" in told(otto.send("/exchanges/1", decision="refuse", reason="late"))
    with database_of(app).read() as connection:
        (done,) = exchanges.list_exchanges(connection)
        assert {meter.serial for meter in registry.list_meters(connection, SYSTEM)} == {"PV-1", "PV-2"}
    assert done.decision is not None
    assert (done.asked.requested_by, done.decision.decided_by) == ("ian", "bea")


def test_one_does_not_decide_on_ones_own(app: FastAPI) -> None:
    """The page offers it to nobody, and the form refuses it."""
    bea = signed_in(app, "bea")
    fields = {"serial": "PV-1", "final_kwh": "1", "at": "2024-01-20 12:00", "new_serial": "PV-2", "initial_kwh": "0"}
    picture = {"file": ("dial.jpg", make_picture(), "image/jpeg")}
    path = f"/systems/{SYSTEM}/exchanges/new"
    sent = bea.client.post(path, data=fields, files=picture, headers={"sec-fetch-site": "same-origin"})
    assert sent.headers["location"] == "/exchanges"
    page = bea.get("/exchanges").text
    assert "somebody else decides on it" in page
    assert "Let it count" not in page
    assert "somebody else must decide" in told(bea.send("/exchanges/1", decision="approve"))
    assert bea.get("/exchanges/99/evidence").status_code == 404


def test_many_exchanges_come_in_pages(app: FastAPI) -> None:
    """Fifty at a time by as many statements as one; one that cannot be decided is first on the page that says so."""
    bea, database = signed_in(app, "bea"), database_of(app)

    def statements() -> int:
        asked: list[object] = []

        def hear(*said: object) -> None:
            asked.append(said[2])

        event.listen(Engine, "before_cursor_execute", hear)
        bea.get("/exchanges")
        event.remove(Engine, "before_cursor_execute", hear)
        return len(asked)

    with database.write() as connection:
        (meter,) = registry.list_meters(connection, SYSTEM)
        tell = (meter.id, "PV-2", "", "", NOW, 1, 0, "0" * 64, "ian", NOW)
        exchanges.add_exchange(connection, exchanges.NewExchange(SYSTEM, *tell))
    one = statements()
    with database.write() as connection:
        for _ in range(EXCHANGES_SHOWN):
            exchanges.add_exchange(connection, exchanges.NewExchange(SYSTEM, *tell))
    assert statements() == one
    first = bea.get("/exchanges").text
    assert first.count("<section") == EXCHANGES_SHOWN
    assert f'href="/exchanges?after={EXCHANGES_SHOWN}"' in first
    last = bea.get(f"/exchanges?after={EXCHANGES_SHOWN}").text
    assert last.count("<section") == 1
    assert 'rel="next"' not in last
    assert "These were all" in bea.get("/exchanges?after=99").text
    refused = bea.send(f"/exchanges/{EXCHANGES_SHOWN + 1}", decision="refuse", reason="")
    assert refused.text.count("<section") == 1
    assert "say why" in told(refused)


@pytest.mark.parametrize(
    "path",
    [
        "/systems/new",
        f"/systems/{SYSTEM}/facts/new",
        f"/systems/{SYSTEM}/programmes/new",
        f"/systems/{SYSTEM}/meters/new",
        f"/systems/{SYSTEM}/exchanges/new",
        "/exchanges",
    ],
)
def test_an_owner_has_no_door_to_them(app: FastAPI, path: str) -> None:
    """Neither to look nor to send."""
    owner = signed_in(app, "owner")
    assert owner.get(path).status_code == 403
    target = path if path != "/exchanges" else "/exchanges/1"
    assert owner.send(target, reason="x").status_code in {403, 404}


def test_a_form_takes_only_its_own_fields() -> None:
    """What somebody sends beside them is not there, and blanks around what was typed are not either."""
    form = Form("T", "L", "/", "S", (Field("a", "A", is_required=True), Field("f", "F", "file")))
    assert form.take({"a": " x ", "b": "y"}) == {"a": "x"}
    with pytest.raises(WrongFieldError, match="A: this has to be filled in"):
        form.take({"a": "  "})
    assert read_field("a", int, "7") == 7
