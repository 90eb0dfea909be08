"""The window board as a page, through the API and on the command line."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from hub.cli import board as board_cli
from hub.services.draw_board import draw_board
from tests.hub.reporting import SYSTEM
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import NOW, open_api

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_page_and_api_show_the_same(tmp_path: Path) -> None:
    """To who sees all; for an owner there is no board. Before the first look the page says so."""
    with open_api(tmp_path) as api:
        early = api.client.get("/board", headers=api.headers("bea"))
        assert (early.status_code, "has not looked" in early.text) in {(404, True), (200, False)}
        draw_board(api.database, NOW)
        page = html.unescape(api.client.get("/board?standing=waiting", headers=api.headers("bea")).text)
        told = api.get("bea", "board?standing=waiting").json()
        assert [one["system"] for one in told["systems"]] == [SYSTEM]
        assert told["systems"][0]["reason"] in page
        assert {one["standing"]: one["systems"] for one in told["counts"]}["at risk"] == 1
        assert "Nobody has entered a reading of PV-1 by hand yet." in page
        assert 'aria-current="true"' in page
        assert "From the beginning" in api.client.get(f"/board?after=1,{SYSTEM}", headers=api.headers("bea")).text
        assert [api.get("owner", "board").status_code, api.get("bea", "board?after=x").status_code] == [403, 422]
        assert api.client.get("/board", headers=api.headers("owner")).status_code == 403


def test_the_command_line_looks_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no hub that runs."""
    monkeypatch.setattr(board_cli, "now_ms", lambda: NOW)
    with open_api(tmp_path):
        pass
    line = Line(tmp_path / "hub", monkeypatch)
    assert line.ask("board")["month"] == "2024-01"
    told = line.say("board", "--standing", "waiting")
    assert "open until" in told
    assert "PV-1" in told
