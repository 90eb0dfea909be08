"""Take a step with a change request: confirm, decline, ask back, answer, approve, reject or withdraw it.

An approval ends the relations that the new one replaces and begins that, in the same transaction; so there is no
instant at which a system has two reporters or, through a crash, none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.errors import InputError, NotAllowedError, UnknownSubjectError
from hub.rules.change_requests import REPORTING_ROLES, ChangeStep, advance, counts_from, list_replaced, refuse_wish
from hub.rules.facts import ReportingMode
from hub.rules.local_times import format_local
from hub.rules.periods import date_at
from hub.rules.permissions import Relation, Role, may_decide
from hub.services.check_text import check_label
from hub.services.manage_people import find_account
from hub.services.request_change import load_terms
from hub.store import accounts, change_requests, changes, facts
from hub.store.audit_log import append_audit
from hub.store.change_requests import TakenStep
from hub.store.changes import Subject, SubjectKind
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.change_requests import ChangeWish
    from hub.store.change_requests import ChangeRequest
    from hub.store.database import Database

_BY_STAFF = frozenset({ChangeStep.ASK, ChangeStep.APPROVE, ChangeStep.REJECT})
_BY_WHO_ASKED = frozenset({ChangeStep.ANSWER, ChangeStep.WITHDRAW})
_SAID = frozenset({ChangeStep.ASK, ChangeStep.ANSWER, ChangeStep.REJECT, ChangeStep.DECLINE})


@dataclass(frozen=True, slots=True)
class WantedStep:
    """A step with the request of this number, and what is said with it.

    `account` is whom staff made an account for, where the request names a person without one.
    """

    number: int
    step: ChangeStep
    said: str = ""
    evidence: str = ""
    account: str = ""


def take_step(database: Database, wanted: WantedStep, *, actor: str, now: int) -> ChangeRequest:
    """Take a step, and return the request as it is then.

    Whether `actor` may decide or confirm at all is for the caller to ask of `hub.rules.permissions`; that nobody
    decides on what is their own, and only who asked answers or withdraws, is asked here. Raises UnknownSubjectError
    for a number that no request has, NotAllowedError for a step that is another's, InputError for one that cannot be
    taken now or says nothing where something has to be said.
    """
    said = check_label(wanted.said, "a reason")
    if wanted.step in _SAID and not said:
        message = f"say something with {wanted.step}: whoever reads it must know what to do"
        raise InputError(message)
    with database.write() as connection:
        request = find_request(connection, wanted.number)
        _refuse_others(request, wanted.step, actor)
        state = request.state(now)
        if advance(state, wanted.step) is None:
            message = (
                f"request {request.number} is {state.value.replace('_', ' ')}: {wanted.step} cannot be done with it"
            )
            raise InputError(message)
        taken = TakenStep(wanted.step, now, actor, said, wanted.evidence)
        if wanted.step is ChangeStep.APPROVE:
            taken = _put_in_force(connection, request, replace(taken, account=wanted.account))
        change_requests.add_step(connection, request.number, taken)
        append_audit(
            connection,
            actor=actor,
            action=f"{wanted.step} change",
            subject=request.wish.system,
            at=now,
            before={"request": request.number, "state": state.value},
            after={"account": taken.account, "counts_from": taken.counts_from, "evidence": taken.evidence},
            reason=said,
        )
        changes.announce(connection, [Subject(SubjectKind.SYSTEM, request.wish.system)], now)
    return replace(request, steps=(*request.steps, taken))


def find_request(connection: Connection, number: int) -> ChangeRequest:
    """Return the request with this number; raises UnknownSubjectError if there is none."""
    found = change_requests.find_request(connection, number)
    if found is None:
        message = f"there is no change request {number}: `meter-hub change list` shows them"
        raise UnknownSubjectError(message)
    return found


def is_by_staff(step: ChangeStep) -> bool:
    """Return whether a step is for those who decide on changes."""
    return step in _BY_STAFF


def _refuse_others(request: ChangeRequest, step: ChangeStep, actor: str) -> None:
    if step in _BY_STAFF and not may_decide(request.requested_by, actor):
        message = f"request {request.number} was made by {request.requested_by}: somebody else must decide on it"
        raise InputError(message)
    if step in _BY_WHO_ASKED and request.requested_by != actor:
        message = f"request {request.number} was made by {request.requested_by}, who alone can {step} it"
        raise NotAllowedError(message)


def _put_in_force(connection: Connection, request: ChangeRequest, taken: TakenStep) -> TakenStep:
    """Let the relations change hands, and return the step with who it came to be and since when."""
    wish = request.wish
    if wish.account and taken.account not in {"", wish.account}:
        message = f"request {request.number} asks for {wish.account}: reject it to have somebody else"
        raise InputError(message)
    wish = replace(wish, account=wish.account or taken.account)
    if not wish.account:
        message = (
            f"{wish.contact_name} has no account yet: make one with `meter-hub account add`, and approve the request "
            "with its name"
        )
        raise InputError(message)
    find_account(connection, wish.account)
    since = counts_from(wish, taken.taken_at)
    # What was true when it was asked for need not be now: the nameplate may have grown, the approval been withdrawn.
    refusal = refuse_wish(wish, load_terms(connection, wish, since, is_by_staff=True))
    if refusal is not None:
        raise InputError(refusal)
    _change_hands(connection, wish, since, taken)
    if wish.role in REPORTING_ROLES:
        _set_mode(connection, wish, since, Recorded(taken.taken_by, taken.taken_at, f"change request {request.number}"))
    return replace(taken, account=wish.account, counts_from=since)


def _change_hands(connection: Connection, wish: ChangeWish, since: int, taken: TakenStep) -> None:
    held = accounts.list_relations(connection, of_system=wish.system)
    replaced = set(list_replaced((one.relation for one in held), wish, since))
    for one in held:
        if one.relation not in replaced:
            continue
        if one.relation.until_at is not None:
            message = (
                f"{one.relation.account} stays {one.relation.role.value.replace('_', ' ')} of {wish.system} until "
                f"{format_local(one.relation.until_at)}, as was said before: approve this change from then on"
            )
            raise InputError(message)
        until_at = max(since, one.relation.from_at)
        accounts.end_relation(connection, one.number, until_at, taken.taken_at, taken.taken_by)
    new = Relation(wish.account, wish.role, wish.system, since)
    accounts.add_relation(connection, new, taken.taken_at, taken.taken_by)


def _set_mode(connection: Connection, wish: ChangeWish, since: int, recorded: Recorded) -> None:
    """Say from the day of the change on, and in what was said for later days, who reports: devices or a person."""
    mode = ReportingMode.AUTOMATIC if wish.role is Role.DAS_PROVIDER else ReportingMode.MANUAL
    first = date_at(since)
    later = {one.facts.effective_on for one in facts.list_system_versions(connection, wish.system)}
    for on in sorted({first, *(day for day in later if day > first)}):
        known = facts.find_system_facts(connection, wish.system, on)
        assert known is not None, "a registered system has facts"
        if known.reporting_mode is not mode:
            said = replace(known, effective_on=on, reporting_mode=mode)
            facts.add_system_versions(connection, [said], recorded)
