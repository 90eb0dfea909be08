"""`meter-hub system limits`: the operator states the day of the raised limit, and reporting by hand follows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hub.cli import limits as limits_cli
from hub.errors import HubError
from hub.rules.facts import Technology
from hub.services.read_reporting import list_reporting
from hub.services.set_manual_limit import SUBJECT, set_manual_limit
from hub.services.submit_reading import Reported, submit_reading
from hub.store import audit_log, manual_limits
from tests.hub.reporting import JAN, SYSTEM, add_meter, add_system
from tests.hub.test_cli_report import Line

if TYPE_CHECKING:
    from pathlib import Path

    from hub.store.database import Database

NOW = JAN.ends_at - 8 * 3_600_000
REPORTED = Reported(SYSTEM, "", 1_000_000, NOW - 3_600_000)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Return a command line in January's window."""
    monkeypatch.setattr(limits_cli, "now_ms", lambda: NOW)
    monkeypatch.setattr(limits_cli, "actor", lambda: "cli:bea")
    return Line(tmp_path / "hub", monkeypatch)


def test_the_day_is_stated_shown_and_followed(database: Database, command: Line) -> None:
    """20 kW are refused by the default limit, and taken once the operator has named the day; both are in the log."""
    add_system(database, capacity_w_dc=20_000)
    add_meter(database, initial_at=JAN.previous().starts_at)
    refused = submit_reading(database, REPORTED, actor="ann", now=NOW).judgement
    assert [(one.code, one.clause) for one in refused.findings] == [("MANUAL_NOT_ALLOWED", "MANUAL_LIMIT_10_KW")]
    assert [one["from_on"] for one in command.ask("system", "limits")["limits"]] == [None]
    raised = command.ask("system", "limits", "--raised-on", "2023-01-01", "--reason", "notice of MassCEC")
    assert [(one["from_on"], one["pv_w_dc"]) for one in raised["limits"]] == [(None, 10_000), ("2023-01-01", 25_000)]
    shown = command.say("system", "limits")
    assert all(text in shown for text in ("25000 W DC", "25000 W AC", "cli:bea", "notice of MassCEC"))
    with database.read() as connection:
        assert [one.refusal for one in list_reporting(connection, JAN, NOW)] == [None]
        (entry,) = audit_log.list_audit(connection, subject=SUBJECT)
    assert (json.loads(entry.before), json.loads(entry.after)) == ({"raised_on": None}, {"raised_on": "2023-01-01"})
    assert (entry.actor, entry.action, entry.reason) == ("cli:bea", "set manual limit", "notice of MassCEC")
    assert submit_reading(database, REPORTED, actor="ann", now=NOW).judgement.production_wh == 1_000_000


def test_above_the_raised_limit_its_clause_is_named(database: Database) -> None:
    """Of other technologies it counts on the AC side."""
    add_system(database, capacity_w_dc=8_000, capacity_w_ac=26_000, technology=Technology.HYDRO)
    add_meter(database)
    assert set_manual_limit(database, JAN.previous().last_day, actor="bea", now=NOW, reason="notice")
    (finding,) = submit_reading(database, REPORTED, actor="ann", now=NOW).judgement.findings
    assert finding.clause == "MANUAL_LIMIT_25_KW"
    assert "up to 25 kW AC" in finding.text


def test_it_can_be_taken_back_and_said_again_is_nothing_new(database: Database) -> None:
    """What was said stays in the list, the last first."""
    day = JAN.previous().last_day
    assert set_manual_limit(database, day, actor="bea", now=NOW, reason="notice")
    assert not set_manual_limit(database, day, actor="bea", now=NOW, reason="again")
    assert set_manual_limit(database, None, actor="cem", now=NOW + 1, reason="was a draft")
    assert not set_manual_limit(database, None, actor="cem", now=NOW + 1, reason="again")
    with database.read() as connection:
        assert [(one.raised_on, one.recorded.actor) for one in manual_limits.list_days(connection)] == [
            (None, "cem"),
            (day, "bea"),
        ]
        assert len(audit_log.list_audit(connection)) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--raised-on", "2023-01-01"), "without a reason"),
        (("--raised-on", "1.1.2023", "--reason", "notice"), "1.1.2023"),
        (("--raised-on", "2023-01-01", "--not-raised", "--reason", "notice"), "give --raised-on or --not-raised"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    database: Database, command: Line, arguments: tuple[str, ...], says: str
) -> None:
    """And nothing is kept."""
    with pytest.raises(HubError, match=says) as refused:
        command.say("system", "limits", *arguments)
    assert "\n" not in str(refused.value)
    with database.read() as connection:
        assert manual_limits.list_days(connection) == ()
