"""`meter-hub audit record`, `list` and `show` as a person uses them, and the correction that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.cli import audits as audits_cli
from hub.cli import people as people_cli
from hub.errors import HubError
from hub.photos import PHOTOS
from hub.rules.windows import window_of
from tests.hub.reporting import JAN, SYSTEM, add_meter, add_system, enter
from tests.hub.test_cli_report import Line
from tests.hub.test_photos import make_picture

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

AUDIT = (SYSTEM, "--kwh", "13005.5", "--at", "2024-01-31 15:00", "--auditor", "Dana Field")


@pytest.fixture
def audited(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Return a command line when January is reported with 13,015.5 kWh and its window has closed."""
    add_system(database)
    meter = add_meter(database, initial_wh=12_000_000, initial_at=JAN.previous().starts_at)
    enter(database, meter.meter, JAN, 13_015_500, read_at=JAN.ends_at - 9 * 3_600_000)
    line = Line(tmp_path / "hub", monkeypatch)
    line.at(window_of(JAN).closes_at)
    monkeypatch.setattr(audits_cli, "now_ms", lambda: window_of(JAN).closes_at)
    return line


def test_an_audit_is_recorded_and_followed_to_its_correction(audited: Line, tmp_path: Path) -> None:
    """From the register on site to the corrected month, each naming the other."""
    photo = tmp_path / "display.jpg"
    photo.write_bytes(make_picture())
    told = audited.say("audit", "record", *AUDIT, "--photo", str(photo), "--note", "seal intact")
    assert audited.exit_code == 0
    assert "Dana Field read 13,005.5 kWh, typed as 13005.5, at 2024-01-31 15:00" in told
    assert "within 1 %: 10 kWh, 0.99 % (AUDIT_TOLERANCE" in told
    assert "seal intact" in told
    shown = audited.ask("audit", "show", "1")
    assert (shown["within"], shown["finding"], shown["corrections"]) == (True, None, [])
    assert PHOTOS.has(tmp_path / "hub", shown["photo"])
    wrong = audited.say("audit", "record", *AUDIT[:2], "12999", *AUDIT[3:])
    assert audited.exit_code == audits_cli.EXIT_EXCEEDS
    assert "exceeds 1 %: 16.5 kWh, 1.65 %" in wrong
    assert "1.65 % apart, where 1 % is allowed" in wrong
    assert f"`meter-hub report correct {SYSTEM} YYYY-MM --audit 2`" in wrong
    correction = ("--kwh", "12999", "--at", "2024-01-31 15:00", "--reason", "digits", "--audit", "2")
    asked = audited.ask("report", "correct", SYSTEM, "2024-01", *correction)
    assert asked["reason"] == "digits; evidence: audit 2"
    assert "correction 1 of 2024-01 to 12,999 kWh, asked for by cli:ann: waits" in audited.say("audit", "show", "2")
    audited.at(window_of(JAN).closes_at, "cli:bea")
    audited.say("report", "decide", "1", "--approve", "--reason", "photo")
    assert "approved by cli:bea" in audited.say("audit", "show", "2")
    (exceeding,) = audited.ask("audit", "list", "--system", SYSTEM, "--exceeding")["audits"]
    assert exceeding["corrections"][0]["approved"] is True
    assert "within 1 %" in audited.say("audit", "list")


def test_the_log_has_its_commands_beside(audited: Line) -> None:
    """`audit log` and `audit verify` go on to work."""
    audited.say("audit", "record", *AUDIT)
    assert "record audit" in audited.say("audit", "log")
    assert audited.ask("audit", "verify")["broken"] is None
    assert people_cli.EXIT_BROKEN == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("audit", "show", "9"), "there is no audit 9"),
        (("audit", "list", "--system", "SLF-XX0000-00001"), "is not registered here"),
        (("audit", "record", SYSTEM, "--kwh", "1x", *AUDIT[3:]), "the audited register"),
        (("audit", "record", SYSTEM, "--kwh", "11999", *AUDIT[3:]), "less than the 12,000 kWh that the meter began"),
        (("audit", "record", *AUDIT, "--photo", "/does/not/exist"), "cannot be read"),
    ],
)
def test_what_is_wrong_is_one_sentence(audited: Line, arguments: tuple[str, ...], says: str) -> None:
    """That names the thing and what to do."""
    with pytest.raises(HubError, match=says) as refused:
        audited.say(*arguments)
    assert "\n" not in str(refused.value)
