"""Change requests: what becomes of relations, who decides on which, and that no system ever has two reporters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import AlreadyRegisteredError, HubError, InputError, NotAllowedError, UnknownSubjectError
from hub.rules.change_requests import REPORTING_ROLES, ChangeState, ChangeStep, ChangeWish
from hub.rules.facts import ReportingMode
from hub.rules.periods import date_at
from hub.rules.permissions import Relation, Role
from hub.services.decide_change import WantedStep, take_step
from hub.services.manage_people import add_account, approve_provider, end_relation, relate_account
from hub.services.request_change import request_change
from hub.store import accounts, audit_log, change_requests, facts
from hub.store.accounts import Account
from hub.store.memory import MemoryDatabase, empty_image
from tests.hub.reporting import JAN, OTHER, SYSTEM, add_system

if TYPE_CHECKING:
    from hub.store.change_requests import ChangeRequest
    from hub.store.database import Database

NOW = JAN.ends_at
DAY_MS = 86_400_000
PEOPLE = ("owner", "bo", "cara", "sunwatch", "staff")
TO_BO = ChangeWish(SYSTEM, Role.REPORTER, NOW + DAY_MS, account="bo")
TO_SUNWATCH = ChangeWish(SYSTEM, Role.DAS_PROVIDER, NOW + DAY_MS, account="sunwatch")


@pytest.fixture
def hub(database: Database) -> Database:
    """Return a hub with people."""
    return fill(database)


def fill(database: Database) -> Database:
    """Put in a system, its owner and some people, one of them an approved provider."""
    add_system(database, reporting_mode=ReportingMode.MANUAL)
    for name in PEOPLE:
        add_account(database, Account(name, name.title(), f"{name}@example.org", NOW, "test"))
    relate_account(database, Relation("owner", Role.SYSTEM_OWNER, SYSTEM, NOW), actor="test", now=NOW)
    approve_provider(database, "sunwatch", is_approved=True, actor="staff", now=NOW, reason="on MassCEC's list")
    return database


def ask(hub: Database, wish: ChangeWish = TO_BO, *, actor: str = "owner", now: int = NOW) -> ChangeRequest:
    """Ask for a change."""
    return request_change(hub, wish, actor=actor, now=now, reason="moved", is_by_staff=False)


def take(hub: Database, request: ChangeRequest, step: str, actor: str, now: int = NOW, **more: str) -> ChangeRequest:
    """Take a step."""
    return take_step(hub, WantedStep(request.number, ChangeStep(step), **more), actor=actor, now=now)


def who(hub: Database, at: int, *roles: Role) -> list[tuple[str, str]]:
    """Return who is what to the system at an instant."""
    with hub.read() as connection:
        held = [one.relation for one in accounts.list_relations(connection, of_system=SYSTEM)]
    return sorted(
        (one.account, one.role.value)
        for one in held
        if one.from_at <= at and (one.until_at is None or at < one.until_at) and (not roles or one.role in roles)
    )


def mode(hub: Database, at: int) -> ReportingMode:
    """Return who reports the system on the day of an instant."""
    with hub.read() as connection:
        known = facts.find_system_facts(connection, SYSTEM, date_at(at))
    assert known is not None
    return known.reporting_mode


def test_a_reporter_changes_at_the_instant_that_was_wanted(hub: Database) -> None:
    """Nobody reports twice and no instant is without a reporter; devices report from that day on."""
    relate_account(hub, Relation("bo", Role.REPORTER, SYSTEM, NOW), actor="test", now=NOW)
    asked = ask(hub, TO_SUNWATCH)
    assert asked.state(NOW) is ChangeState.AWAITS_PROVIDER
    take(hub, asked, "confirm", "sunwatch")
    approved = take(hub, asked, "approve", "staff")
    assert approved.counts_from == NOW + DAY_MS
    assert approved.state(NOW) is ChangeState.APPROVED
    assert approved.state(NOW + DAY_MS) is ChangeState.IN_FORCE
    reporting = sorted(REPORTING_ROLES)
    assert who(hub, NOW + DAY_MS - 1, *reporting) == [("bo", "reporter")]
    assert who(hub, NOW + DAY_MS, *reporting) == [("sunwatch", "das_provider")]
    assert mode(hub, NOW - DAY_MS) is ReportingMode.MANUAL
    assert mode(hub, NOW + DAY_MS) is ReportingMode.AUTOMATIC
    with hub.read() as connection:
        assert change_requests.find_request(connection, asked.number) == approved
        log = [one.action for one in audit_log.iterate_audit(connection) if one.subject == SYSTEM]
    assert log == ["request change", "confirm change", "approve change"]


def test_what_was_said_for_later_days_follows(hub: Database) -> None:
    """A nameplate that grows next year does not bring the old reporter back."""
    later = NOW + 300 * DAY_MS
    with hub.write() as connection:
        known = facts.find_system_facts(connection, SYSTEM, date_at(NOW))
        assert known is not None
        grown = replace(known, effective_on=date_at(later), capacity_w_dc=9_000)
        facts.add_system_versions(connection, [grown], facts.Recorded("test", NOW))
    asked = ask(hub, TO_SUNWATCH)
    take(hub, asked, "confirm", "sunwatch")
    take(hub, asked, "approve", "staff")
    assert mode(hub, later) is ReportingMode.AUTOMATIC


def test_an_approval_that_comes_late_counts_from_then(hub: Database) -> None:
    """Nothing that was allowed before is forbidden afterwards."""
    asked = ask(hub)
    approved = take(hub, asked, "approve", "staff", now=NOW + 9 * DAY_MS)
    assert approved.counts_from == NOW + 9 * DAY_MS


def test_an_owner_is_followed_by_one_who_proves_it(hub: Database) -> None:
    """All owners before end; the REC rights stay with whom they were."""
    wish = ChangeWish(SYSTEM, Role.SYSTEM_OWNER, NOW + DAY_MS, account="cara", evidence="ab" * 32)
    take(hub, ask(hub, wish), "approve", "staff")
    assert who(hub, NOW + DAY_MS) == [("cara", "system_owner"), ("owner", "rec_owner")]


def test_a_person_without_an_account_gets_one_before(hub: Database) -> None:
    """The request names them, the approval their account."""
    wish = ChangeWish(SYSTEM, Role.REPORTER, NOW, contact_name="Dee Fox", contact_email="dee@example.org")
    asked = ask(hub, wish)
    with pytest.raises(InputError, match="Dee Fox has no account yet"):
        take(hub, asked, "approve", "staff")
    with pytest.raises(UnknownSubjectError, match="no account 'dee'"):
        take(hub, asked, "approve", "staff", account="dee")
    add_account(hub, Account("dee", "Dee Fox", "dee@example.org", NOW, "test"))
    approved = take(hub, asked, "approve", "staff", account="dee")
    assert approved.steps[-1].account == "dee"
    assert who(hub, NOW, Role.REPORTER) == [("dee", "reporter")]


def test_one_request_of_a_system_at_a_time(hub: Database) -> None:
    """Until it is in force; the same one again is the same one, and another system's is no obstacle."""
    add_system(hub, OTHER)
    asked = ask(hub)
    assert ask(hub) == asked
    with pytest.raises(AlreadyRegisteredError, match=f"request {asked.number} of {SYSTEM} is in progress"):
        ask(hub, TO_SUNWATCH)
    assert ask(hub, replace(TO_SUNWATCH, system=OTHER)).number == asked.number + 1
    take(hub, asked, "approve", "staff")
    with pytest.raises(AlreadyRegisteredError):
        ask(hub, TO_SUNWATCH, now=NOW + DAY_MS - 1)
    assert ask(hub, TO_SUNWATCH, now=NOW + DAY_MS).number == asked.number + 2


def test_steps_are_for_those_whose_they_are(hub: Database) -> None:
    """Nobody decides on their own request, and nobody withdraws another's; a step out of turn is told."""
    asked = ask(hub, actor="staff")
    with pytest.raises(InputError, match="somebody else must decide"):
        take(hub, asked, "approve", "staff")
    with pytest.raises(InputError, match="somebody else must decide"):
        take(hub, asked, "reject", "cli:Staff", said="no")
    with pytest.raises(NotAllowedError, match="made by staff, who alone can withdraw it"):
        take(hub, asked, "withdraw", "owner")
    with pytest.raises(InputError, match="is submitted: answer cannot be done with it"):
        take(hub, asked, "answer", "staff", said="here")
    with pytest.raises(InputError, match="say something with reject"):
        take(hub, asked, "reject", "owner")
    with pytest.raises(UnknownSubjectError, match="no change request 99"):
        take_step(hub, WantedStep(99, ChangeStep.APPROVE), actor="staff", now=NOW)
    assert take(hub, asked, "withdraw", "staff").state(NOW) is ChangeState.WITHDRAWN


def test_an_approval_asks_again_whether_it_can_be(hub: Database) -> None:
    """The provider's approval was withdrawn since; nothing of it is kept."""
    asked = ask(hub, TO_SUNWATCH)
    take(hub, asked, "confirm", "sunwatch")
    approve_provider(hub, "sunwatch", is_approved=False, actor="staff", now=NOW, reason="off the list")
    with pytest.raises(InputError, match="no approved data acquisition provider"):
        take(hub, asked, "approve", "staff")
    with hub.read() as connection:
        kept = change_requests.find_request(connection, asked.number)
    assert kept is not None
    assert kept.state(NOW) is ChangeState.SUBMITTED
    assert who(hub, NOW + DAY_MS, Role.DAS_PROVIDER) == []


def test_a_relation_with_an_end_is_not_ended_twice(hub: Database) -> None:
    """Whoever was told to report until a day does so; the change begins then."""
    held = relate_account(hub, Relation("cara", Role.REPORTER, SYSTEM, NOW), actor="test", now=NOW)
    end_relation(hub, held.number, NOW + 5 * DAY_MS, actor="test", now=NOW, reason="moves")
    asked = ask(hub)
    with pytest.raises(InputError, match="cara stays reporter of"):
        take(hub, asked, "approve", "staff")


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        (replace(TO_BO, account="nobody"), UnknownSubjectError, "no account 'nobody'"),
        (replace(TO_BO, system="X-1"), UnknownSubjectError, "X-1"),
        (replace(TO_BO, contact_name="Dee", contact_email="dee@example.org"), InputError, "not both"),
        (replace(TO_BO, account="", contact_name="D", contact_email="dee"), InputError, "no mail address"),
        (replace(TO_BO, role=Role.REC_OWNER), InputError, "the signed contract"),
    ],
)
def test_what_cannot_be_asked_for_leaves_nothing(
    hub: Database, wish: ChangeWish, error: type[HubError], words: str
) -> None:
    """It is refused in a sentence."""
    with pytest.raises(error, match=words):
        ask(hub, wish)
    with hub.read() as connection:
        assert change_requests.list_requests(connection) == ()


def test_a_second_reporter_is_refused_and_the_first_owner_holds_the_rights(hub: Database) -> None:
    """By whatever way: relations given by hand are under the same rules."""
    assert who(hub, NOW) == [("owner", "rec_owner"), ("owner", "system_owner")]
    relate_account(hub, Relation("bo", Role.REPORTER, SYSTEM, NOW), actor="test", now=NOW)
    with pytest.raises(AlreadyRegisteredError, match="bo is reporter of"):
        relate_account(hub, Relation("sunwatch", Role.DAS_PROVIDER, SYSTEM, NOW), actor="test", now=NOW)


STEPS = st.tuples(st.sampled_from(ChangeStep), st.sampled_from(PEOPLE), st.integers(0, 3))
WISHES = st.sampled_from([TO_BO, TO_SUNWATCH, replace(TO_BO, account="cara"), replace(TO_SUNWATCH, wanted_at=NOW)])


@settings(max_examples=60, deadline=None)
@given(acts=st.lists(st.one_of(WISHES, STEPS), min_size=4, max_size=14))
def test_a_system_never_has_two_reporters_or_two_requests(acts: list[ChangeWish | tuple[ChangeStep, str, int]]) -> None:
    """Whatever people do in whatever order; what is asked in SQL is what the rules say."""
    hub, now = fill(MemoryDatabase(empty_image())), NOW
    for act in acts:
        with hub.read() as connection:
            last = next(reversed(change_requests.list_requests(connection)), None)
        try:
            if isinstance(act, ChangeWish):
                ask(hub, act, now=now)
            elif last is not None:
                step, actor, days = act
                now += days * DAY_MS
                take_step(hub, WantedStep(last.number, step, said="so"), actor=actor, now=now)
        except HubError:
            continue
    with hub.read() as connection:
        every = change_requests.list_requests(connection, limit=1_000)
        open_now = change_requests.list_requests(connection, in_progress_at=now, limit=1_000)
    over = {ChangeState.IN_FORCE, ChangeState.REJECTED, ChangeState.DECLINED, ChangeState.WITHDRAWN}
    assert [one for one in every if one.state(now) not in over] == list(open_now)
    assert len(open_now) <= 1
    for at in (NOW, NOW + DAY_MS, now, now + 9 * DAY_MS):
        assert len(who(hub, at, *REPORTING_ROLES)) <= 1
    hub.close()
