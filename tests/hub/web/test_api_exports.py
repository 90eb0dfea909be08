"""The API of exported quarters: dates, files, what is in them, and their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.rules.exporting import MonthToExport
from hub.rules.facts import ProgrammeName
from hub.rules.periods import parse_month
from hub.rules.quarters import parse_quarter
from hub.rules.verification_file import FileKind
from hub.services.export_quarter import ExportLayout, ExportRequest, export_quarter
from hub.services.load_quarter import LoadedQuarter
from tests.hub.making import NOW
from tests.hub.reporting import OTHER, SYSTEM, add_system

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from hub.web.context import Hub

QUARTER = parse_quarter("2024-Q1")

MONTHS = [parse_month("2024-01"), parse_month("2024-02")]


@pytest.fixture
def exported(client: TestClient, hub: Hub) -> TestClient:
    """Return a client of a hub that made one preliminary file of two systems."""
    months: list[MonthToExport] = []
    for system, asset in ((SYSTEM, "NON12345"), (OTHER, "NON9")):
        add_system(hub.database, system)
        months += [
            MonthToExport(system, asset, ProgrammeName.SREC_2, 80, month, 615_500, is_estimated=month == MONTHS[1])
            for month in MONTHS
        ]
    loaded = LoadedQuarter(tuple(months), (), (), {})
    request = ExportRequest(QUARTER, ExportLayout.NEPOOL_GIS, FileKind.PRELIMINARY, "test")
    export_quarter(hub.database, request, NOW, load=lambda _connection, _quarter: loaded)
    return client


def test_a_quarter_has_its_dates_and_files(exported: TestClient) -> None:
    """A quarter says when it is sent, created and traded, and which files were made of it."""
    quarter = exported.get("/api/v1/quarters/2024-Q1").json()
    (file,) = quarter.pop("exports")
    assert quarter == {
        "quarter": "2024-Q1",
        "months": ["2024-01", "2024-02", "2024-03"],
        "sent_on": "2024-07-10",
        "created_on": "2024-07-15",
        "trading_ends_on": "2024-09-15",
    }
    assert exported.get("/api/v1/exports/1").json() == file
    assert exported.get("/api/v1/exports").json() == exported.get("/api/v1/exports?quarter=2024-Q1").json()
    assert exported.get("/api/v1/exports?quarter=2024-Q2").json() == {"exports": [], "next": None}
    assert (file["layout"], file["kind"], file["rows"], file["name"]) == (
        "nepool-gis",
        "preliminary",
        4,
        "nepool-gis-2024-Q1-preliminary.csv",
    )


def test_the_bytes_are_given_as_a_file(exported: TestClient) -> None:
    """The content is exactly what was made, to be saved and not shown."""
    file = exported.get("/api/v1/exports/1").json()
    answer = exported.get(file["content"])
    assert answer.content == b"9,01/2024,0.616\n12345,01/2024,0.616\n9,02/2024,0.616\n12345,02/2024,0.616\n"
    assert len(answer.content) == file["bytes"]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{file['name']}"


def test_what_is_in_a_file_comes_in_pages(exported: TestClient) -> None:
    """Every system's month in it, so many systems at a time, or one system's."""
    first = exported.get("/api/v1/exports/1/months?limit=1").json()
    assert first["months"][0] == {"system": SYSTEM, "month": "2024-01", "unit": "12345", "kwh": 616, "estimated": False}
    assert [month["estimated"] for month in first["months"]] == [False, True]
    second = exported.get(f"/api/v1/exports/1/months?limit=1&after={first['next']}").json()
    assert {month["system"] for month in second["months"]} == {OTHER}
    end = exported.get(f"/api/v1/exports/1/months?after={second['next']}").json()
    assert (end["months"], end["next"]) == ([], None)
    assert exported.get(f"/api/v1/exports/1/months?system={OTHER}").json()["months"] == second["months"]
    assert exported.get("/api/v1/exports/1/months?system=NOPE").json()["months"] == []


def test_certificates_of_a_system(client: TestClient, hub: Hub) -> None:
    """An asset without months has no certificates yet, and says so with zeros."""
    add_system(hub.database, gis_asset="NON12345")
    asset = client.get(f"/api/v1/systems/{SYSTEM}/certificates").json()
    assert asset == {"unit": "12345", "systems": [], "certificates": 0, "remainder_wh": 0, "months": []}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/exports/2", 404, "no file 2 was exported here"),
        ("/api/v1/exports/2/content", 404, "no file 2"),
        ("/api/v1/exports/2/months", 404, "no file 2"),
        ("/api/v1/exports/0", 422, "number"),
        ("/api/v1/exports/99999999999999999999", 422, "number"),
        ("/api/v1/exports?quarter=2024", 422, "YYYY-Qn"),
        ("/api/v1/quarters/2024-Q5", 422, "YYYY-Qn"),
        (f"/api/v1/systems/{SYSTEM}/certificates", 404, "no asset of the registry is known"),
        ("/api/v1/systems/NOPE/certificates", 404, "'NOPE' is not registered"),
        ("/api/v1/exports/1/months?limit=0", 422, "limit"),
    ],
)
def test_what_is_not_there_is_named(exported: TestClient, path: str, status: int, words: str) -> None:
    """A number or a quarter that is none is refused in one sentence."""
    answer = exported.get(path)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
