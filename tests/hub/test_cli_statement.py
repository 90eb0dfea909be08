"""`meter-hub statement`: on paper, as a table, in JSON; and the same files from the pages and the API."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pypdf import PdfReader

from hub.cli import statement as statement_cli
from hub.errors import InputError
from tests.hub.reporting import JAN, SYSTEM, add_meter, add_system, enter
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import API, open_api

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

MONTH = str(JAN)


def test_the_command_line(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells the number, writes either file, and refuses an ending that it does not know before it writes."""
    monkeypatch.setattr(statement_cli, "now_ms", lambda: JAN.ends_at)
    add_system(database)
    enter(database, add_meter(database).meter, JAN, 400_250)
    line = Line(tmp_path / "hub", monkeypatch)
    assert "Roof 1 (SLF-AB1234-00001), 2024-01: 400.25" in line.say("statement", SYSTEM, MONTH)
    assert line.ask("statement", SYSTEM, MONTH)["production_wh"] == 400_250
    paper, table = tmp_path / "a.pdf", tmp_path / "a.csv"
    assert "wrote" in line.say("statement", SYSTEM, MONTH, "--to", str(paper))
    assert "400.25 kWh" in PdfReader(paper).pages[0].extract_text().replace("\xa0", " ")
    assert line.ask("statement", SYSTEM, MONTH, "--to", str(table))["state"] == "reported"
    assert table.read_text(encoding="utf-8").splitlines()[1].split(",")[3] == "400250"
    with pytest.raises(InputError, match=r"\.pdf or a \.csv"):
        line.say("statement", SYSTEM, MONTH, "--to", str(tmp_path / "a.txt"))
    with pytest.raises(InputError, match="cannot be written"):
        line.say("statement", SYSTEM, MONTH, "--to", str(tmp_path / "no" / "a.pdf"))


def test_pages_and_api(tmp_path: Path) -> None:
    """An owner saves the statement of their system, and of no other; an unknown ending is no file."""
    with open_api(tmp_path) as api:
        month = JAN.previous()
        stated = api.get("owner", f"systems/{SYSTEM}/statements/{month}")
        assert (stated.status_code, stated.json()["month"]) == (200, str(month))
        for path in (f"{API}/systems/{SYSTEM}/statements/{month}/pdf", f"/systems/{SYSTEM}/statements/{month}.pdf"):
            answer = api.client.get(path, headers=api.headers("owner"))
            assert answer.headers["content-type"] == "application/pdf"
            assert answer.headers["content-disposition"].endswith(f'statement_{SYSTEM}_{month}.pdf"')
            assert SYSTEM in PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
            assert api.client.get(path, headers=api.headers("neighbour")).status_code == 403
            assert api.client.get(path[:-3] + "exe", headers=api.headers("owner")).status_code == 422
        csv = api.client.get(f"/systems/{SYSTEM}/statements/{month}.csv", headers=api.headers("owner"))
        assert csv.headers["content-type"].startswith("text/csv")
        assert api.get("owner", f"systems/{SYSTEM}/statements/2024-13").status_code == 422
