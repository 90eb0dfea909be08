"""`meter-hub report` and `months` as a person uses them, at a time that the test chooses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from hub.cli import months as months_cli
from hub.cli import report as report_cli
from hub.cli.main import app
from hub.errors import HubError
from hub.photos import PHOTOS
from hub.rules.windows import window_of
from tests.hub.reporting import FEB, JAN, SYSTEM, add_meter, add_system, enter
from tests.hub.test_photos import make_picture

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

IN_WINDOW = JAN.ends_at - 8 * 3_600_000


class Line:
    """A command line at a hub, at a time and by a person of the test's choice."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._data = data
        self._monkeypatch = monkeypatch
        self.exit_code = 0

    def at(self, now: int, who: str = "cli:ann") -> None:
        """Work at this time (UTC ms) as this person."""
        for module in (report_cli, months_cli):
            self._monkeypatch.setattr(module, "now_ms", lambda: now)
            self._monkeypatch.setattr(module, "actor", lambda: who)

    def say(self, *arguments: str) -> str:
        """Run a command and return what it prints; raises what the hub has to say against it."""
        done = CliRunner().invoke(app, [*arguments, "--data", str(self._data)])
        self.exit_code = done.exit_code
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.stdout

    def ask(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Run a command and return its JSON."""
        return json.loads(self.say(*arguments, "--json"))


@pytest.fixture
def line(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Return a command line at a hub with a system whose meter showed 12,400 kWh at the end of December."""
    add_system(database)
    meter = add_meter(database, initial_wh=12_000_000, initial_at=JAN.previous().starts_at)
    enter(database, meter.meter, JAN.previous(), 12_400_000)
    made = Line(tmp_path / "hub", monkeypatch)
    made.at(IN_WINDOW)
    return made


def test_a_month_is_reported_in_the_steps_of_the_regulator(line: Line) -> None:
    """Select the system, see the periods before, see the production, enter, say what service cost: reported."""
    assert line.ask("report", "systems")["systems"][0]["missing"] == ["PV-1"]
    assert "window of 2024-01 open until 2024-02-06" in line.say("report", "systems")
    (meter,) = line.ask("report", "history", SYSTEM)["meters"]
    assert [(one["month"], one["production_wh"]) for one in meter["periods"]] == [("2023-12", 400_000)]
    reading = (SYSTEM, "--kwh", "13015.5", "--at", "2024-01-31 15:00")
    seen = line.ask("report", "submit", *reading, "--dry-run")
    assert (seen["submission"], seen["outcome"], seen["production_wh"]) == (None, "accepted", 615_500)
    assert "accepted for 2024-01: 615.5 kWh since the reading before" in line.say("report", "submit", *reading)
    assert "recorded" in line.say("report", "experience", SYSTEM, "2024-01", "--cost", "120.50", "--note", "cleaned")
    assert line.ask("report", "systems")["systems"][0]["reported"] == ["PV-1"]
    shown = line.say("report", "history", SYSTEM)
    assert "13,015.5 kWh" in shown
    assert all(text in shown for text in ("$120.50", "cleaned", "cli:ann"))
    (said,) = line.ask("report", "history", SYSTEM)["experience"]
    assert (said["month"], said["service_cost_cents"], said["outage_hours"]) == ("2024-01", 12_050, 0)
    assert "accepted" in line.say("report", "list", "--system", SYSTEM)


def test_a_doubted_reading_comes_again_with_a_photo_and_is_decided(line: Line, tmp_path: Path) -> None:
    """The exit code says that it does not count yet; the picture is kept under its name."""
    photo = tmp_path / "display.jpg"
    photo.write_bytes(make_picture())
    assert "BELOW_EXPECTED: 50 kWh since" in line.say("report", "submit", SYSTEM, "--kwh", "12450")
    assert line.exit_code == report_cli.EXIT_NOT_ACCEPTED
    answer = line.ask("report", "submit", SYSTEM, "--kwh", "12450", "--photo", str(photo))
    assert answer["outcome"] == "review"
    (waiting,) = line.ask("report", "list", "--waiting")["submissions"]
    assert PHOTOS.has(tmp_path / "hub", waiting["photo"])
    line.at(IN_WINDOW, "cli:bea")
    number = str(waiting["submission"])
    assert "is approved" in line.say("report", "decide", number, "--approve", "--reason", "display is clear")
    assert line.ask("report", "list", "--waiting")["submissions"] == []


def test_a_month_is_closed_amended_and_drawn_up_again(line: Line) -> None:
    """Each step says what it did; verification is an exit code too."""
    line.say("report", "submit", SYSTEM, "--kwh", "13015.5", "--at", "2024-01-31 15:00")
    assert "2024-01 is open; it can be reported from 2024-01-27" in line.say("months", "window", "2024-01")
    assert "run 1, provisional, of 2024-01: 1 system, 1 reported" in line.say("months", "run", "2024-01")
    with pytest.raises(HubError, match="can be reported until"):
        line.say("months", "run", "2024-01", "--kind", "close")
    line.at(window_of(JAN).closes_at)
    assert line.ask("months", "run", "2024-01", "--kind", "close")["production_wh"] == 615_500
    assert line.ask("months", "window", "2024-01")["state"] == "closed"
    asked = line.ask(
        *("report", "correct", SYSTEM, "2024-01", "--kwh", "13051.5", "--at", "2024-01-31 15:00"),
        *("--reason", "digits swapped"),
    )
    line.at(window_of(FEB).closes_at, "cli:bea")
    told = line.say("report", "decide", str(asked["submission"]), "--approve", "--reason", "photo")
    assert "2024-01 is amended by run 3" in told
    assert "all the same, bit for bit" in line.say("months", "verify", "2024-01")
    assert line.ask("months", "verify", "2024-01")["differences"] == []
    shown = line.ask("months", "show", SYSTEM, "--every-version")["months"]
    assert [one["production_wh"] for one in shown] == [651_500, 615_500, 615_500]
    assert "651.5" in line.say("months", "show", SYSTEM).replace("\u00a0", " ")
    assert [one["kind"] for one in line.ask("months", "list")["runs"]] == ["provisional", "close", "amend"]
    assert "digits swapped" in line.say("report", "list")


def test_whatever_was_changed_behind_it_is_an_exit_code(line: Line, database: Database) -> None:
    """Verification finds it, says it, and fails."""
    line.say("report", "submit", SYSTEM, "--kwh", "13015.5", "--at", "2024-01-31 15:00")
    line.say("months", "run", "2024-01")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE accepted_reading SET register_wh = 13016500 WHERE month = '2024-01'")
    assert "the ledger gives 616500 Wh" in line.say("months", "verify", "2024-01")
    assert line.exit_code == months_cli.EXIT_DIFFERS


def test_what_is_erratic_is_listed_and_decided(line: Line, database: Database) -> None:
    """From the list to the decision, for people and for machines."""
    enter(database, 1, JAN, 12_410_000)
    line.say("months", "run", "2024-01")
    (found,) = line.ask("months", "erratic", "2024-01")["found"]
    assert (found["code"], found["decided"]) == ("BELOW_EXPECTED", None)
    decision = ("--decision", "explained", "--reason", "snow on the panels")
    line.say("months", "review", SYSTEM, "2024-01", "BELOW_EXPECTED", *decision)
    assert line.ask("months", "erratic", "2024-01")["found"] == []
    assert "explained" in line.say("months", "erratic", "2024-01", "--all")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("report", "submit", SYSTEM, "--kwh", "12,400"), "the reading"),
        (("report", "submit", SYSTEM, "--kwh", "13000", "--photo", "/does/not/exist"), "cannot be read"),
        (("report", "history", "SLF-XX0000-00001"), "is not registered here"),
        (("report", "experience", SYSTEM, "2024-01", "--cost", "-1"), "the cost"),
        (("report", "experience", SYSTEM, "2024-01", "--outage-hours", "745"), "does not fit in a month"),
        (("report", "experience", "SLF-XX0000-00001", "2024-01"), "is not registered here"),
        (("report", "decide", "7", "--reject", "--reason", "x"), "there is no submission 7"),
        (("months", "run", "2024-13"), "is not a production month"),
        (("months", "run", "2024-01", "--kind", "amend"), "needs its reason"),
        (("months", "verify", "2024-01"), "nobody went over 2024-01 yet"),
    ],
)
def test_what_is_wrong_is_one_sentence(line: Line, arguments: tuple[str, ...], says: str) -> None:
    """That names the thing and what to do."""
    with pytest.raises(HubError, match=says) as refused:
        line.say(*arguments)
    assert "\n" not in str(refused.value)


def test_devices_are_asked_for_what_they_read(line: Line) -> None:
    """A system without a device waits for nobody."""
    assert line.ask("report", "devices")["meters"] == []
    assert line.ask("report", "devices", "--dry-run")["meters"] == []
    assert "System" in line.say("report", "devices")
