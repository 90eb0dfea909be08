"""Reporting by hand: what is accepted is final, what is doubted wants a picture, and all of it is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hub.errors import InputError, UnknownSubjectError
from hub.rules.acceptance import Code, Outcome
from hub.rules.closing import RunKind
from hub.rules.reported import Origin
from hub.rules.windows import window_of
from hub.services import bound_production
from hub.services import submit_reading as submitting
from hub.services.close_month import close_month
from hub.services.correct_reading import decide_submission, request_correction
from hub.services.submit_reading import parse_reported, preview_reading, submit_reading
from hub.store import ledger, months, submissions
from tests.hub.reporting import DAY_MS, FEB, JAN, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.rules.facts import MeterFacts
    from hub.services.submit_reading import Answer
    from hub.store.database import Database

DEC = JAN.previous()
NOW = JAN.ends_at - 8 * 3_600_000
PHOTO = "0" * 64


@pytest.fixture
def meter(database: Database) -> MeterFacts:
    """Return the meter of a system of 7.5 kW that showed 12,400 kWh at the end of December."""
    add_system(database)
    made = add_meter(database, initial_wh=12_000_000, initial_at=DEC.starts_at)
    enter(database, made.meter, DEC, 12_400_000)
    return made


def submit(database: Database, kwh: str, at: str = "", now: int = NOW, photo: str | None = None) -> Answer:
    """Submit a reading of the system's meter."""
    return submit_reading(database, parse_reported(SYSTEM, "", kwh, at, now=now, photo=photo), actor="ann", now=now)


def codes(answer: Answer) -> list[Code]:
    """Return what was found."""
    return [finding.code for finding in answer.judgement.findings]


def test_an_accepted_reading_counts_at_once_and_is_final(database: Database, meter: MeterFacts) -> None:
    """Production is told with it; sending it again changes nothing, and another one is refused."""
    answer = submit(database, "13015.5", "2024-01-31 15:00")
    assert (answer.judgement.outcome, answer.judgement.production_wh) == (Outcome.ACCEPTED, 615_500)
    assert answer.entry is not None
    assert (answer.entry.accepted.month, answer.entry.accepted.register_wh) == (JAN, 13_015_500)
    assert submit(database, "13015.5", "2024-01-31 15:00").judgement.outcome is Outcome.DUPLICATE
    assert codes(submit(database, "13016", "2024-01-31 15:30")) == [Code.CONFLICT]
    with database.read() as connection:
        kept = submissions.list_submissions(connection, system=SYSTEM)
        assert ledger.find_entry(connection, meter.meter, JAN) == answer.entry
    assert [one.outcome for one in kept] == ["refused", "duplicate", "accepted"]
    assert json.loads(kept[0].findings)[0]["clause"] == "ONE_READING"


def test_more_than_the_sky_allows_is_refused_though_the_nameplate_would(database: Database) -> None:
    """Where a roof stands is known, January has no 2,500 kWh for 7.5 kW."""
    add_system(database, OTHER, latitude_microdegrees=42_262_593, longitude_microdegrees=-71_802_293)
    made = add_meter(database, "PV-9", OTHER, initial_at=DEC.starts_at)
    enter(database, made.meter, DEC, 0)
    answer = submit_reading(database, parse_reported(OTHER, "", "2500", "", now=NOW), actor="ann", now=NOW)
    assert codes(answer) == [Code.ABOVE_PHYSICAL_LIMIT]
    assert "2,500 kWh since" in answer.judgement.findings[0].text


def test_a_preview_says_the_same_and_keeps_nothing(database: Database, meter: MeterFacts) -> None:
    """Production is computed before anything is final."""
    reported = parse_reported(SYSTEM, meter.serial, "13015.5", "2024-01-31 15:00", now=NOW)
    with database.read() as connection:
        seen = preview_reading(connection, reported, NOW)
        assert submissions.list_submissions(connection) == ()
    assert seen.judgement == submit(database, "13015.5", "2024-01-31 15:00").judgement


def test_what_is_doubted_comes_again_with_a_picture_and_staff_decide(database: Database, meter: MeterFacts) -> None:
    """First held, then for review; approved by another person it counts."""
    first = submit(database, "12450")
    assert (first.judgement.outcome, codes(first)) == (Outcome.HELD, [Code.BELOW_EXPECTED])
    assert submit(database, "12450").judgement.outcome is Outcome.HELD
    second = submit(database, "12450", photo=PHOTO)
    assert second.judgement.outcome is Outcome.REVIEW
    assert second.submission is not None
    number = second.submission.number
    with database.read() as connection:
        assert [one.number for one in submissions.list_undecided(connection, "review")] == [number]
    with pytest.raises(InputError, match="is your own"):
        decide_submission(database, number, approved=True, actor="ann", now=NOW, reason="seen")
    with pytest.raises(InputError, match="needs its reason"):
        decide_submission(database, number, approved=True, actor="bea", now=NOW, reason=" ")
    decided = decide_submission(database, number, approved=True, actor="bea", now=NOW, reason="display is clear")
    assert decided.entry is not None
    assert decided.entry.accepted.register_wh == 12_450_000
    assert "approved by bea: display is clear" in decided.entry.reason
    with pytest.raises(InputError, match="approved by bea already"):
        decide_submission(database, number, approved=False, actor="cy", now=NOW, reason="late")
    with database.read() as connection:
        assert submissions.list_undecided(connection, "review") == ()
        assert ledger.find_entry(connection, meter.meter, JAN) == decided.entry


def test_the_same_reading_sent_again_waits_once(database: Database, meter: MeterFacts) -> None:
    """With a picture or without, previewed or sent, it is answered with what waits; another register is another one."""
    submit(database, "12450")
    sent = submit(database, "12450", photo=PHOTO)
    again = submit(database, "12450", photo=PHOTO)
    without = submit(database, "12450")
    with database.read() as connection:
        seen = preview_reading(connection, parse_reported(SYSTEM, "", "12450", "", now=NOW), NOW)
    for answer in (again, without, seen):
        assert (answer.judgement.outcome, answer.submission) == (Outcome.REVIEW, sent.submission)
    other = submit(database, "12451", photo=PHOTO)
    with database.read() as connection:
        waiting = submissions.list_waiting(connection, meter.meter, JAN, "review")
        assert waiting == submissions.list_undecided(connection, "review")
    assert waiting == (sent.submission, other.submission)
    assert sent.submission is not None
    decide_submission(database, sent.submission.number, approved=False, actor="bea", now=NOW, reason="misread")
    assert submit(database, "12450", photo=PHOTO).submission not in {None, sent.submission}


def test_what_is_rejected_counts_nothing(database: Database, meter: MeterFacts) -> None:
    """And a held one that was put right in the meantime cannot be approved over it."""
    assert meter.serial == "PV-1"
    submit(database, "12450")
    held = submit(database, "12450", photo=PHOTO).submission
    assert held is not None
    assert submit(database, "13015.5").judgement.outcome is Outcome.ACCEPTED
    with pytest.raises(InputError, match=r"was reported otherwise in the meantime, with 13,015\.5 kWh"):
        decide_submission(database, held.number, approved=True, actor="bea", now=NOW, reason="clear")
    decided = decide_submission(database, held.number, approved=False, actor="bea", now=NOW, reason="misread")
    assert (decided.entry, decided.amended) == (None, ())


@pytest.mark.parametrize(
    ("number", "says", "kind"),
    [(99, "there is no submission 99", UnknownSubjectError), (1, "was accepted: there is nothing", InputError)],
)
def test_only_what_waits_is_decided_on(
    database: Database, meter: MeterFacts, number: int, says: str, kind: type[Exception]
) -> None:
    """One sentence says what to do."""
    assert meter.serial == "PV-1"
    submit(database, "13015.5")
    with pytest.raises(kind, match=says):
        decide_submission(database, number, approved=True, actor="bea", now=NOW, reason="x")


@pytest.mark.parametrize(
    ("system", "serial", "code"),
    [(OTHER, "PV-1", Code.UNKNOWN_SYSTEM), (SYSTEM, "PV-2", Code.UNKNOWN_METER)],
)
def test_strangers_are_refused_and_remembered(
    database: Database, meter: MeterFacts, system: str, serial: str, code: Code
) -> None:
    """Also what names nothing that is registered is kept as an act of reporting."""
    assert meter.serial == "PV-1"
    reported = parse_reported(system, serial, "13015.5", "", now=NOW)
    answer = submit_reading(database, reported, actor="ann", now=NOW)
    assert codes(answer) == [code]
    assert answer.submission is not None
    assert (answer.submission.outcome, answer.submission.system) == ("refused", system)


def test_who_may_not_report_is_told_why(database: Database, meter: MeterFacts) -> None:
    """The reading is not looked at."""
    assert meter.serial == "PV-1"
    reported = parse_reported(SYSTEM, "", "1", "", now=NOW)
    answer = submit_reading(database, reported, actor="owner", now=NOW, unauthorised="you are its system owner")
    assert codes(answer) == [Code.NOT_AUTHORISED]
    assert "you are its system owner" in answer.judgement.findings[0].text


def test_outside_of_the_window_nothing_is_taken(database: Database, meter: MeterFacts) -> None:
    """The sentence says when the next one opens."""
    assert meter.serial == "PV-1"
    answer = submit(database, "13015.5", "2024-02-05 23:00", now=window_of(JAN).closes_at)
    assert codes(answer) == [Code.WINDOW_CLOSED]
    assert "for 2024-02, opens 2024-02-25" in answer.judgement.findings[0].text


def test_of_several_meters_one_has_to_be_named(database: Database, meter: MeterFacts) -> None:
    """Nobody guesses which one was read."""
    assert meter.serial == "PV-1"
    add_meter(database, "PV-2")
    with pytest.raises(InputError, match="has several meters"):
        submit(database, "13015.5")


@pytest.mark.parametrize(("kwh", "at"), [("12,5", ""), ("-1", ""), ("1e3", ""), ("1", "soon"), ("1.2345", "")])
def test_what_cannot_be_read_is_one_sentence(database: Database, meter: MeterFacts, kwh: str, at: str) -> None:
    """And nothing is kept of it."""
    assert meter.serial == "PV-1"
    with pytest.raises(InputError):
        submit(database, kwh, at)
    with database.read() as connection:
        assert submissions.list_submissions(connection) == ()


def correct(database: Database, kwh: str, actor: str = "ann") -> int:
    """Ask for another reading for January."""
    reported = parse_reported(SYSTEM, "", kwh, "2024-01-31 12:00", now=NOW)
    return request_correction(database, reported, JAN, actor=actor, now=NOW, reason="two digits swapped").number


def test_a_correction_takes_two_people_and_amends_what_it_touches(database: Database, meter: MeterFacts) -> None:
    """The old reading stays to be seen, named by the new one; both months that hang on it change."""
    enter(database, meter.meter, JAN, 13_015_500)
    enter(database, meter.meter, FEB, 13_600_000)
    for month in (JAN, FEB):
        close_month(database, month, RunKind.CLOSE, actor="test", now=window_of(month).closes_at)
    number = correct(database, "13051.5")
    with database.read() as connection:
        assert ledger.list_entries(connection, meter.meter)[1].accepted.register_wh == 13_015_500
    with pytest.raises(InputError, match="waits to be decided already"):
        correct(database, "13052")
    decided = decide_submission(database, number, approved=True, actor="bea", now=NOW + 90 * DAY_MS, reason="photo")
    assert [str(run.month) for run in decided.amended] == ["2024-01", "2024-02"]
    with database.read() as connection:
        every = ledger.list_entries(connection, meter.meter, every_version=True)
        numbers = {str(row.month): row.production_wh for row in months.list_system_months(connection, SYSTEM)}
    assert [(one.version, one.accepted.register_wh) for one in every if one.accepted.month == JAN] == [
        (1, 13_015_500),
        (2, 13_051_500),
    ]
    assert every[2].replaces == every[1].accepted.id
    assert every[2].accepted.origin is Origin.ADJUSTED
    assert "two digits swapped; approved by bea: photo" in every[2].reason
    assert numbers == {"2024-01": 651_500, "2024-02": 548_500}


@pytest.mark.parametrize(
    ("kwh", "says"),
    [
        ("12399", "does not fit beside the 12,400 kWh that counts for 2023-12"),
        ("13601", "does not fit beside the 13,600 kWh that counts for 2024-02"),
    ],
)
def test_a_correction_fits_between_its_neighbours(database: Database, meter: MeterFacts, kwh: str, says: str) -> None:
    """A register does not go back, whoever says so."""
    enter(database, meter.meter, JAN, 13_015_500)
    enter(database, meter.meter, FEB, 13_600_000)
    with pytest.raises(InputError, match=says):
        correct(database, kwh)


def test_a_correction_needs_a_reason_and_something_to_correct(database: Database, meter: MeterFacts) -> None:
    """Each refusal is a sentence."""
    enter(database, meter.meter, JAN, 13_015_500)
    with database.read() as connection:
        held = ledger.find_entry(connection, meter.meter, JAN)
    assert held is not None
    same = parse_reported(SYSTEM, "", "13015.5", "2024-01-31T17:00:00Z", now=NOW)
    assert same.read_at == held.accepted.read_at
    with pytest.raises(InputError, match="there is nothing to correct"):
        request_correction(database, same, JAN, actor="ann", now=NOW, reason="x")
    with pytest.raises(InputError, match="needs its reason"):
        request_correction(database, same, JAN, actor="ann", now=NOW, reason="")


def test_a_missed_month_can_be_put_in_by_two_people(database: Database, meter: MeterFacts) -> None:
    """What nobody reported in time is an adjustment too, and says so."""
    enter(database, meter.meter, FEB, 13_600_000)
    decided = decide_submission(
        database, correct(database, "13000"), approved=True, actor="bea", now=NOW, reason="logbook"
    )
    assert decided.entry is not None
    assert (decided.entry.version, decided.entry.replaces, decided.entry.accepted.origin) == (1, None, Origin.ADJUSTED)


def test_the_sky_is_known_before_others_are_kept_from_writing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes seconds is computed outside of the transaction, and only looked up inside it."""
    add_system(database, OTHER, latitude_microdegrees=42_262_593, longitude_microdegrees=-71_802_293)
    made = add_meter(database, "PV-9", OTHER, initial_at=DEC.starts_at)
    enter(database, made.meter, DEC, 0)
    bound_production._wh_per_kw.cache_clear()
    computed: list[int] = []
    entering = submitting.enter_reading

    def enter_then(*arguments: object, **named: object) -> Answer:
        computed.append(bound_production._wh_per_kw.cache_info().misses)
        answer = entering(*arguments, **named)  # type: ignore[arg-type]
        computed.append(bound_production._wh_per_kw.cache_info().misses)
        return answer

    monkeypatch.setattr(submitting, "enter_reading", enter_then)
    submit_reading(database, parse_reported(OTHER, "", "500", "", now=NOW), actor="ann", now=NOW)
    assert computed == [1, 1]
