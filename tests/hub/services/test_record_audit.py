"""Audits on site: recorded with what they say of the reports, and followed by corrections that name them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.errors import HubError, InputError, UnknownSubjectError
from hub.rules.closing import RULES_VERSION
from hub.services.correct_reading import decide_submission, request_correction
from hub.services.read_audits import read_audit
from hub.services.record_audit import Audited, parse_audited, record_audit
from hub.services.submit_reading import Reported
from hub.store import audit_log, changes, ledger, site_audits
from tests.hub.reporting import DAY_MS, FEB, JAN, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.store.database import Database

NOW = FEB.ends_at
READ_AT = FEB.starts_at - DAY_MS // 2
"""When January's reading was taken."""
AUDITED = Audited(SYSTEM, "", "", "Dana Field", READ_AT, 9_890_000, "9890")


@pytest.fixture
def reported(database: Database) -> Database:
    """Return a hub with a system whose meter was reported with 10,000 kWh in January."""
    add_system(database)
    enter(database, add_meter(database).meter, JAN, 10_000_000)
    return database


def test_an_audit_is_kept_with_what_it_says(reported: Database) -> None:
    """Who read what when, who recorded it, the reading it was held against, and the verdict with clause and rules."""
    with reported.read() as connection:
        number = changes.latest_change(connection)
    kept = record_audit(reported, replace(AUDITED, note="display cracked", photo="ab" * 32), actor="bea", now=NOW)
    with reported.read() as connection:
        assert site_audits.find_audit(connection, kept.number) == kept
        (entry,) = audit_log.list_audit(connection, subject=SYSTEM)
        _, told = changes.changes_after(connection, number)
        assert site_audits.systems_with_photo(connection, "ab" * 32) == (SYSTEM,)
    found = kept.audit.found
    assert (kept.serial, kept.month, kept.audit.auditor, kept.audit.actor) == ("PV-1", JAN, "Dana Field", "bea")
    assert (kept.audit.audited_at, kept.audit.recorded_at, kept.audit.register_typed) == (READ_AT, NOW, "9890")
    assert (found.reported_wh, found.audited_wh, found.deviation_wh) == (10_000_000, 9_890_000, 110_000)
    assert (found.deviation_ppm, found.is_within, found.between_wh) == (11_122, False, 0)
    assert "1.11 % apart" in found.finding
    assert (found.clause, found.rules) == ("AUDIT_TOLERANCE", RULES_VERSION)
    assert (entry.actor, entry.action, entry.reason) == ("bea", "record audit", "display cracked")
    assert '"within":false' in entry.after
    assert {subject.id for subject in told} >= {SYSTEM}


def test_what_was_produced_since_is_no_deviation(reported: Database) -> None:
    """Ten days after the reading a meter may show more, up to what the nameplate allows."""
    later = replace(AUDITED, audited_at=READ_AT + 10 * DAY_MS, register_wh=10_900_000)
    kept = record_audit(reported, later, actor="bea", now=NOW)
    assert (kept.audit.found.is_within, kept.audit.found.finding, kept.audit.found.between_wh) == (True, "", 1_800_000)
    beyond = replace(later, register_wh=12_000_000)
    assert not record_audit(reported, beyond, actor="bea", now=NOW).audit.found.is_within
    with reported.read() as connection:
        assert [one.number for one in site_audits.list_audits(connection, only_exceeding=True)] == [2]
        assert [one.number for one in site_audits.list_audits(connection, system=SYSTEM, before=2)] == [1]


def test_where_the_place_is_known_the_sky_bounds_it_more(database: Database) -> None:
    """Ten days of winter sun are far less than ten days of nameplate."""
    add_system(database, latitude_microdegrees=42_360_000, longitude_microdegrees=-71_060_000)
    enter(database, add_meter(database).meter, JAN, 10_000_000)
    later = replace(AUDITED, audited_at=READ_AT + 10 * DAY_MS, register_wh=10_100_000)
    assert 0 < record_audit(database, later, actor="bea", now=NOW).audit.found.between_wh < 900_000


def test_an_audit_leads_to_a_correction_that_names_it(reported: Database) -> None:
    """The new version quotes the audit, and the audit names the correction with its decision."""
    audit = record_audit(reported, AUDITED, actor="bea", now=NOW)
    right = Reported(SYSTEM, "", 9_890_000, READ_AT)
    asked = request_correction(reported, right, JAN, actor="ann", now=NOW, reason="digits", audit=audit.number)
    with reported.read() as connection:
        (waiting,) = read_audit(connection, audit.number).corrections
        (entry, _) = audit_log.list_audit(connection, subject=SYSTEM)
    assert (waiting.submission, waiting.decision) == (asked, None)
    assert f'"audit":{audit.number}' in entry.after
    assert '"register_wh":10000000' in entry.before
    decide_submission(reported, asked.number, approved=True, actor="bea", now=NOW, reason="photo")
    with reported.read() as connection:
        (done,) = read_audit(connection, audit.number).corrections
        first, second = ledger.list_entries(connection, 1, every_version=True)
    assert done.decision is not None
    assert (done.decision.approved, done.decision.accepted) == (True, second.accepted.id)
    assert (second.replaces, second.accepted.register_wh) == (first.accepted.id, 9_890_000)
    assert f"evidence: audit {audit.number}" in second.reason


def test_a_correction_names_an_audit_of_its_own_meter(reported: Database) -> None:
    """Another meter's says nothing; and an audit that there is not is not found."""
    add_system(reported, OTHER)
    enter(reported, add_meter(reported, "PV-2", OTHER).meter, JAN, 10_000_000)
    audit = record_audit(reported, AUDITED, actor="bea", now=NOW)
    right = Reported(OTHER, "", 9_890_000, READ_AT)
    with pytest.raises(InputError, match="is of meter PV-1 of system"):
        request_correction(reported, right, JAN, actor="ann", now=NOW, reason="digits", audit=audit.number)
    with pytest.raises(UnknownSubjectError, match="there is no audit 7"):
        request_correction(reported, right, JAN, actor="ann", now=NOW, reason="digits", audit=7)
    with reported.read() as connection:
        assert site_audits.list_citing(connection, audit.number) == ()
        assert audit_log.list_audit(connection, subject=OTHER) == ()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"auditor": " "}, "needs the name of the auditor"),
        ({"audited_at": NOW + 1}, "has not come yet"),
        ({"audited_at": JAN.starts_at - 1}, "the meter began at 2024-01-01"),
        ({"system": "SLF-XX0000-00001"}, "is not registered here"),
        ({"serial": "PV-9"}, "is no meter of system"),
        ({"note": "a\nb"}, "cannot be a note"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_kept(reported: Database, wrong: dict[str, object], says: str) -> None:
    """In one sentence, and neither table nor log has anything of it."""
    with pytest.raises(HubError, match=says) as refused:
        record_audit(reported, replace(AUDITED, **wrong), actor="bea", now=NOW)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)
    with reported.read() as connection:
        assert site_audits.list_audits(connection) == ()
        assert audit_log.list_audit(connection) == ()


def test_a_meter_without_reports_cannot_be_audited_yet(database: Database) -> None:
    """There is nothing to hold the register against."""
    add_system(database)
    add_meter(database)
    with pytest.raises(InputError, match="nothing was reported of meter PV-1 of system SLF-AB1234-00001 yet"):
        record_audit(database, AUDITED, actor="bea", now=NOW)


def test_reports_that_go_down_cannot_be_audited(reported: Database) -> None:
    """Their sum means nothing before one of them is corrected."""
    enter(reported, 1, FEB, 9_000_000)
    with pytest.raises(InputError, match="goes down somewhere"):
        record_audit(reported, AUDITED, actor="bea", now=NOW)


def test_a_register_is_kept_as_it_was_typed() -> None:
    """Beside the whole Wh that it stands for."""
    parsed = parse_audited(SYSTEM, "", " 9890.5 ", "2024-01-31 12:00", "Dana")
    assert (parsed.register_wh, parsed.register_typed, parsed.audited_at) == (9_890_500, "9890.5", READ_AT)
    with pytest.raises(InputError, match="the audited register"):
        parse_audited(SYSTEM, "", "9,890", "2024-01-31 12:00", "Dana")
