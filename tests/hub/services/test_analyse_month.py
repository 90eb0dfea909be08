"""The monthly analysis: erratic systems are listed, and what staff decide is kept beside what was found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hub.alerting.rules import Code
from hub.errors import InputError, UnknownSubjectError
from hub.rules.closing import RunKind
from hub.rules.windows import window_of
from hub.services.analyse_month import analyse_month, analyse_systems, count_unreviewed, review_finding
from hub.services.close_month import close_month
from hub.services.evaluate_alerts import evaluate_alerts
from hub.store import alerts
from hub.store.reviews import Review
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_meter, add_system, enter

if TYPE_CHECKING:
    from hub.rules.analysis import Erratic
    from hub.store.database import Database

REVIEW = Review(SYSTEM, JAN, "BELOW_EXPECTED", 1, "bea", "contacted", "asked the owner", "")


@pytest.fixture
def closed(database: Database) -> Database:
    """Return a hub that closed January: one system made next to nothing, one impossibly much, one as expected."""
    for place, (name, energy_wh) in enumerate(((SYSTEM, 10_000), (OTHER, 9_000_000), ("SLF-AB1234-00003", 600_000))):
        add_system(database, name)
        enter(database, add_meter(database, f"PV-{place}", name).meter, JAN, energy_wh)
    close_month(database, JAN, RunKind.CLOSE, actor="test", now=window_of(JAN).closes_at)
    return database


def found(database: Database) -> list[tuple[str, str, Erratic]]:
    """Return systems and codes in their order."""
    with database.read() as connection:
        return [(one.system, one.finding.code.value, one) for one in analyse_month(connection, JAN)]


def test_erratic_systems_are_listed_the_worst_first(closed: Database) -> None:
    """With a sentence that says what to ask; what is as expected is not there."""
    assert [(system, code) for system, code, _ in found(closed)] == [
        (OTHER, "ABOVE_PHYSICAL_LIMIT"),
        (SYSTEM, "BELOW_EXPECTED"),
    ]
    assert "10 kWh since 2024-01-01" in found(closed)[1][2].finding.text


def test_what_was_found_comes_system_by_system_in_pages(closed: Database) -> None:
    """In the order of PTS ids, with what was decided; a month that nobody went over has no page either."""
    review_finding(closed, REVIEW)
    with closed.read() as connection:
        first, after = analyse_systems(connection, JAN, "", 1)
        assert [(one.system, one.decided) for one in first] == [(SYSTEM, "contacted")]
        assert after == SYSTEM
        second, after = analyse_systems(connection, JAN, SYSTEM, 2)
        assert [(one.system, one.finding.code.value) for one in second] == [(OTHER, "ABOVE_PHYSICAL_LIMIT")]
        assert after is None
        with pytest.raises(UnknownSubjectError, match="nobody went over"):
            analyse_systems(connection, JAN.previous(), "", 1)


def test_what_staff_decide_is_kept_and_shown(closed: Database) -> None:
    """The last decision counts; what is settled moves to the end."""
    review_finding(closed, REVIEW)
    assert found(closed)[1][2].decided == "contacted"
    review_finding(closed, replace(REVIEW, code="ABOVE_PHYSICAL_LIMIT", system=OTHER, decision="corrected"))
    assert [system for system, _, _ in found(closed)] == [SYSTEM, OTHER]
    assert found(closed)[1][2].is_settled


@pytest.mark.parametrize(
    ("change", "says", "kind"),
    [
        ({"decision": "whatever"}, "is no decision on a finding: it is one of contacted", InputError),
        ({"reason": " "}, "needs its reason", InputError),
        ({"code": "ZERO_PRODUCTION"}, "no ZERO_PRODUCTION was found", UnknownSubjectError),
        ({"system": "SLF-XX0000-00001"}, "is not registered here", UnknownSubjectError),
        ({"month": JAN.next()}, "no BELOW_EXPECTED was found", UnknownSubjectError),
    ],
)
def test_a_decision_is_on_something_that_was_found(
    closed: Database, change: dict[str, object], says: str, kind: type[Exception]
) -> None:
    """Each refusal is a sentence, and nothing is kept."""
    with pytest.raises(kind, match=says):
        review_finding(closed, replace(REVIEW, **change))  # type: ignore[arg-type]
    assert all(one.decided is None for _, _, one in found(closed))


def test_a_month_nobody_went_over_is_not_analysed(database: Database) -> None:
    """One sentence says what to do."""
    with database.read() as connection, pytest.raises(UnknownSubjectError, match="nobody went over 2024-01"):
        analyse_month(connection, JAN)


def test_what_nobody_decided_on_is_one_alert(closed: Database) -> None:
    """Of the last month, with how many systems and how many without production; it is over once all is decided on."""
    now = window_of(JAN).closes_at
    evaluate_alerts(closed, now, now)
    assert erratic_alerts(closed) == ["2024-01: 2 erratic, 0 of them without any production."]
    review_finding(closed, REVIEW)
    add_system(closed, "SLF-AB1234-00004")
    enter(closed, add_meter(closed, "PV-4", "SLF-AB1234-00004").meter, JAN, 0)
    close_month(closed, JAN, RunKind.AMEND, actor="test", now=now, reason="came late")
    evaluate_alerts(closed, now, now)
    assert erratic_alerts(closed) == ["2024-01: 2 erratic, 1 of them without any production."]
    for system, code in ((OTHER, "ABOVE_PHYSICAL_LIMIT"), ("SLF-AB1234-00004", "ZERO_PRODUCTION")):
        review_finding(closed, replace(REVIEW, system=system, code=code, decision="explained"))
    evaluate_alerts(closed, now, now + 300_000)
    assert erratic_alerts(closed) == []


def test_before_the_first_month_nothing_waits_for_a_review(database: Database) -> None:
    """There is nothing to look at yet."""
    with database.read() as connection:
        assert count_unreviewed(connection) is None


def erratic_alerts(database: Database) -> list[str]:
    """Return what the open alerts of erratic months say."""
    with database.read() as connection:
        open_now = [one.episode for one in alerts.list_open(connection)]
    return [one.why for one in open_now if one.code is Code.ERRATIC_MONTH]
