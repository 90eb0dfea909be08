"""`meter-hub device maintain`, `retire` and `resume`, and the API's door for the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.cli import device_stage as stage_cli
from hub.errors import InputError
from hub.rules.instants import format_instant
from hub.services.register_device import register_device
from tests.hub.making import MadeDevice
from tests.hub.reporting import JAN
from tests.hub.test_cli_report import Line
from tests.hub.web.acting import open_api

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

NOW = JAN.ends_at
UNTIL = format_instant(NOW + 86_400_000)


def test_the_command_line(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words and in JSON; a device that nobody maintains is not resumed."""
    monkeypatch.setattr(stage_cli, "now_ms", lambda: NOW)
    device = MadeDevice()
    register_device(database, device.pem, "Barn", NOW)
    line = Line(tmp_path / "hub", monkeypatch)
    told = line.ask("device", "maintain", device.text, "--until", UNTIL, "--reason", "roof works")
    assert told == {"device": device.text, "stage": "maintenance", "until": UNTIL}
    assert "'Barn': registered" in line.say("device", "resume", device.text, "--reason", "done")
    with pytest.raises(InputError, match="only a maintained or decommissioned"):
        line.say("device", "resume", device.text, "--reason", "again")
    assert line.ask("device", "retire", device.text, "--reason", "sold")["stage"] == "decommissioned"


def test_the_api(tmp_path: Path) -> None:
    """Staff say it and read it again; an owner has no door to it."""
    with open_api(tmp_path) as api:
        device = MadeDevice()
        register_device(api.database, device.pem, "Barn", NOW)
        path = f"devices/{device.text}/words"
        said = api.post("bea", path, {"word": "retire", "reason": "sold"})
        assert (said.status_code, said.json()["stage"]) == (201, "decommissioned")
        (word,) = api.get("bea", path).json()["words"]
        assert (word["word"], word["reason"], word["actor"], word["until"]) == ("retire", "sold", "bea", None)
        assert [api.get("owner", path).status_code, api.post("owner", path, {}).status_code] == [403, 422]
        refused = api.post("bea", path, {"word": "maintain", "until": "tomorrow", "reason": "x"})
        assert refused.status_code == 422
        assert "tomorrow" in refused.json()["detail"]
