"""`meter-hub change` and `account providers` as a person uses them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from hub.cli import changes as changes_cli
from hub.cli.main import app
from hub.errors import HubError, InputError
from hub.rules.facts import ReportingMode
from tests.hub.reporting import SYSTEM, add_system

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database


@pytest.fixture
def data(database: Database, tmp_path: Path) -> Path:
    """Return the folder of a hub with a system and two accounts."""
    add_system(database, reporting_mode=ReportingMode.MANUAL)
    for name in ("bo", "sunwatch"):
        say(tmp_path / "hub", "account", "add", name, "--name", name)
    return tmp_path / "hub"


def say(data: Path, *arguments: str) -> str:
    """Run a command and return what it prints; raises what the hub has to say against it."""
    done = CliRunner().invoke(app, [*arguments, "--data", str(data)])
    if isinstance(done.exception, HubError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def ask(data: Path, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    """Run a command and return its JSON."""
    return json.loads(say(data, *arguments, "--json"))


def test_a_change_from_asking_to_being_in_force(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One user of the machine asks, another decides; people and machines are told the same."""
    say(data, "account", "approve-provider", "sunwatch", "--reason", "on the list")
    assert ask(data, "account", "providers") == {"providers": ["sunwatch"]}
    asked = say(data, "change", "request", SYSTEM, "--role", "das_provider", "--to", "sunwatch", "--reason", "moved")
    assert "request 1: sunwatch as das_provider of" in asked
    assert "next: confirm, decline, reject, withdraw" in asked
    say(data, "change", "step", "1", "confirm", "--say", "we can")
    with pytest.raises(InputError, match="somebody else must decide"):
        say(data, "change", "step", "1", "approve")
    monkeypatch.setattr(changes_cli, "actor", lambda: "cli:bea")
    assert ask(data, "change", "step", "1", "approve")["state"] == "in_force"
    assert ask(data, "change", "list", "--in-progress")["changes"] == []
    (listed,) = ask(data, "change", "list", "--system", SYSTEM)["changes"]
    assert listed == ask(data, "change", "show", "1")
    shown = say(data, "change", "show", "1")
    assert "cli:bea" in shown
    assert "we can" in shown
    assert "in_force" in say(data, "change", "list")
    say(data, "account", "approve-provider", "sunwatch", "--withdraw")
    assert "sunwatch" not in say(data, "account", "providers")


def test_a_contract_is_kept_with_the_request(data: Path, tmp_path: Path) -> None:
    """Out of a file; one that is not there is told, and nothing is asked for."""
    contract = tmp_path / "contract.pdf"
    words = ("change", "request", SYSTEM, "--role", "rec_owner", "--to", "bo", "--reason", "sold")
    with pytest.raises(InputError, match=r"contract\.pdf cannot be read"):
        say(data, *words, "--evidence", str(contract))
    assert ask(data, "change", "list")["changes"] == []
    contract.write_bytes(b"%PDF-1.7\n%%EOF\n")
    made = ask(data, *words, "--evidence", str(contract), "--from", "2031-01-01 00:00")
    assert made["wanted_from"] == "2031-01-01T05:00:00Z"
    assert (data / "documents" / made["evidence"][:2] / f"{made['evidence']}.pdf").read_bytes() == contract.read_bytes()
