"""`meter-hub forward` as a person uses it, against the counterpart over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from hub.cli.forward_options import SOAP_URL, forward_settings
from hub.cli.main import app
from hub.config import Interface
from hub.errors import HubError, InputError, SettingsError, UnknownSubjectError
from simulators.masscec_pts import JSON_PATH, SOAP_PATH, Counterpart, CounterpartServer, Register
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub.store.database import Database


class Line:
    """A command line that knows where the counterpart is."""

    def __init__(self, data: Path, there: CounterpartServer, secrets: Path) -> None:
        self._data = data
        self.there = there.counterpart
        self.exit_code = 0
        credentials = ("--pts-credentials", str(secrets))
        self.soap = ("--pts", "soap", "--pts-url", f"{there.url}{SOAP_PATH}", *credentials)
        json_url = ("--pts-url", f"{there.url}{JSON_PATH}", "--pts-operations", "ARPost,ARPostTest")
        self.json = ("--pts", "json", *json_url, *credentials)

    def say(self, *arguments: str) -> str:
        """Run a command of `forward` and return what it prints; raises what the hub has to say against it."""
        done = CliRunner().invoke(app, ["forward", *arguments, "--data", str(self._data)])
        if isinstance(done.exception, HubError):
            raise done.exception
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        self.exit_code = done.exit_code
        return done.stdout

    def ask(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Run a command and return its JSON."""
        return json.loads(self.say(*arguments, "--json"))


@pytest.fixture
def there() -> Iterator[CounterpartServer]:
    """Return a counterpart that knows one of two systems."""
    with CounterpartServer(Counterpart({SYSTEM: Register()})) as server:
        yield server


@pytest.fixture
def line(database: Database, there: CounterpartServer, tmp_path: Path) -> Line:
    """Return a command line at a hub with two systems whose January counts."""
    for pts_id in (SYSTEM, OTHER):
        add_system(database, pts_id)
        enter(database, add_meter(database, f"PV-{pts_id[-1]}", pts_id).meter, JAN, 500_250)
    secrets = tmp_path / "secrets"
    secrets.write_text("provider\nsesame\n", encoding="ascii")
    secrets.chmod(0o600)
    return Line(tmp_path / "hub", there, secrets)


def test_a_month_from_plan_to_answer(line: Line) -> None:
    """First what would be sent, then a try, then for good; what is wrong is settled by hand."""
    assert [one["state"] for one in line.ask("plan", "2024-01")["systems"]] == ["ready", "ready"]
    assert "500.25" in line.say("plan", "2024-01", "--system", SYSTEM)
    dry = line.say("send", "2024-01", "--dry-run", *line.soap)
    assert dry.startswith("<ARData xmlns=")
    assert line.there.calls == []
    tried = line.ask("send", "2024-01", "--test", *line.soap)
    assert (tried["ready"], tried["taken"], tried["refused"]) == (2, 1, 1)
    assert line.there.systems[SYSTEM].taken == 0
    assert "2 ready, 1 calls: 1 taken, 1 refused, 0 unknown" in line.say("send", "2024-01", *line.json)
    assert line.exit_code == 1
    assert line.there.systems[SYSTEM].taken == 1
    (last, first) = line.ask("list", "--month", "2024-01")["calls"]
    assert (last["is_test"], first["is_test"], last["status"]) == (False, True, 200)
    shown = line.say("show", str(last["call"]))
    assert "is not assigned to you" in shown
    assert "sesame" not in shown
    line.say("settle", str(last["call"]), OTHER, "taken", "--reason", "told by phone")
    items = line.ask("show", str(last["call"]))["systems"]
    assert [(one["verdict"], one["said_by"] != "") for one in items] == [("taken", False), ("taken", True)]
    assert line.say("plan", "2024-01").strip().endswith("2 done")
    assert "0 ready" in line.say("send", "2024-01", *line.json)
    assert line.exit_code == 0
    assert "begins anew" in line.say("anew", OTHER, "--reason", "exchange")
    assert [one["state"] for one in line.ask("plan", "2024-01")["systems"]] == ["done", "ready"]


def test_silence_is_told(line: Line, there: CounterpartServer) -> None:
    """With exit code 1, and the call is listed without an answer."""
    moved = tuple(part.replace(there.url, "http://127.0.0.1:9") for part in line.soap)
    assert "stopped: no answer came" in line.say("send", "2024-01", *moved)
    assert line.exit_code == 1
    assert "no answer" in line.say("list")
    assert line.ask("send", "2024-01", "--system", SYSTEM, *line.soap)["taken"] == 1


def test_what_is_missing_is_said(line: Line) -> None:
    """Before anything is sent."""
    with pytest.raises(SettingsError, match="say where to"):
        line.say("send", "2024-01")
    with pytest.raises(UnknownSubjectError, match="X-1"):
        line.say("send", "2024-01", "--system", "X-1", *line.soap)
    with pytest.raises(InputError):
        line.say("plan", "2024-13")
    assert line.there.calls == []


@pytest.mark.parametrize(
    ("interface", "url", "operations", "says"),
    [
        (Interface.JSON, "", "A,B", "needs --pts-url"),
        (Interface.JSON, "https://pts.example/x", "A", "--pts-operations KEEP,TRY"),
        (Interface.SOAP, "http://pts.example/x", "", "secrets unprotected"),
        (Interface.SOAP, "ftp://pts.example/x", "", "no web address|not a web address"),
    ],
)
def test_settings_that_do_not_fit_are_told(
    tmp_path: Path, interface: Interface, url: str, operations: str, says: str
) -> None:
    """With the option that is wrong."""
    with pytest.raises(SettingsError, match=says):
        forward_settings(interface, url, tmp_path / "secrets", operations)
    with pytest.raises(SettingsError, match="--pts-credentials"):
        forward_settings(interface, url, None, operations)
    assert forward_settings(None, "", None, "") is None


def test_the_soap_service_is_known_by_itself(tmp_path: Path) -> None:
    """Its namespace is its host's."""
    settings = forward_settings(Interface.SOAP, "", tmp_path / "secrets", "")
    assert settings is not None
    assert (settings.url, settings.namespace) == (SOAP_URL, "https://ar.masscec-pts.com/")
