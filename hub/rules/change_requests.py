"""Change requests: another reporter, REC owner or owner of a system; who may be asked for, on what evidence, and when.

A request goes from being asked for to the instant from which it counts. Whoever takes a system on as its data
acquisition provider says so first; then staff decide, who may ask back once or often. Nothing is over before it is
in force, refused or withdrawn, and until then the system has no second request.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.rules.permissions import Action, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hub.rules.permissions import Relation
    from hub.rules.windows import ReportingRefusal


class ChangeState(StrEnum):
    """How far a request has come; APPROVED waits for its day, IN_FORCE is what it has become."""

    AWAITS_PROVIDER = "awaits_provider"
    SUBMITTED = "submitted"
    NEEDS_INFO = "needs_info"
    APPROVED = "approved"
    IN_FORCE = "in_force"
    REJECTED = "rejected"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class ChangeStep(StrEnum):
    """What somebody does with a request: the provider, staff, or who asked for it."""

    CONFIRM = "confirm"
    DECLINE = "decline"
    ASK = "ask"
    ANSWER = "answer"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class ChangeWish:
    """What is asked for: that `account`, or somebody named here who has none yet, becomes `role` of a system.

    It counts from `wanted_at` (UTC ms) at the earliest. `evidence` is the name of a picture or document that is kept.
    """

    system: str
    role: Role
    wanted_at: int
    account: str = ""
    contact_name: str = ""
    contact_email: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class ChangeTerms:
    """What holds of the system and of who is asked for.

    `manual` is why the system may not be reported by hand, if it may not; `is_by_staff` whether staff ask, who speak
    for what DOER says.
    """

    manual: ReportingRefusal | None = None
    is_srec: bool = False
    is_approved_provider: bool = False
    is_by_staff: bool = False
    relations: tuple[Relation, ...] = ()


REPORTING_ROLES = frozenset({Role.REPORTER, Role.DAS_PROVIDER})

_ACTIONS: Mapping[Role, Action] = {
    Role.REPORTER: Action.REQUEST_REPORTER_CHANGE,
    Role.DAS_PROVIDER: Action.REQUEST_REPORTER_CHANGE,
    Role.REC_OWNER: Action.REQUEST_REC_OWNER_CHANGE,
    Role.SYSTEM_OWNER: Action.REQUEST_OWNER_CHANGE,
}

_S, _D = ChangeState, ChangeStep
_MOVES: Mapping[tuple[ChangeState, ChangeStep], ChangeState] = {
    (_S.AWAITS_PROVIDER, _D.CONFIRM): _S.SUBMITTED,
    (_S.AWAITS_PROVIDER, _D.DECLINE): _S.DECLINED,
    (_S.AWAITS_PROVIDER, _D.REJECT): _S.REJECTED,
    (_S.AWAITS_PROVIDER, _D.WITHDRAW): _S.WITHDRAWN,
    (_S.SUBMITTED, _D.ASK): _S.NEEDS_INFO,
    (_S.SUBMITTED, _D.APPROVE): _S.APPROVED,
    (_S.SUBMITTED, _D.REJECT): _S.REJECTED,
    (_S.SUBMITTED, _D.WITHDRAW): _S.WITHDRAWN,
    (_S.NEEDS_INFO, _D.ANSWER): _S.SUBMITTED,
    (_S.NEEDS_INFO, _D.REJECT): _S.REJECTED,
    (_S.NEEDS_INFO, _D.WITHDRAW): _S.WITHDRAWN,
}
_ENDED = frozenset({_S.IN_FORCE, _S.REJECTED, _S.DECLINED, _S.WITHDRAWN})


def action_to_request(role: Role) -> Action | None:
    """Return what somebody must be allowed to do to ask that another becomes `role`; None if that cannot be asked for.

    Citation: `citations.REPORTER_CHANGE`.
    """
    return _ACTIONS.get(role)


def refuse_wish(wish: ChangeWish, terms: ChangeTerms) -> str | None:
    """Return why this cannot be asked for and what to do instead, None if it can.

    Citation: `citations.REPORTER_CHANGE`.
    """
    if wish.role not in _ACTIONS:
        return f"nobody becomes {_spell(wish.role)} by a change request: it is for reporters, REC owners and owners"
    if not wish.account and not (wish.contact_name and wish.contact_email):
        return "say who it is to be: the name of an account, or a person's name and mail address"
    if any(_is_already(relation, wish) for relation in terms.relations):
        return f"{wish.account} is {_spell(wish.role)} of {wish.system} already: there is nothing to change"
    if wish.role in REPORTING_ROLES:
        return _refuse_reporter(wish, terms)
    return _refuse_rights(wish, terms)


def begin_state(wish: ChangeWish) -> ChangeState:
    """Return the state in which a request begins: a provider is asked before staff look at it.

    Citation: `citations.OWNER_CHANGE`.
    """
    return ChangeState.AWAITS_PROVIDER if wish.role is Role.DAS_PROVIDER else ChangeState.SUBMITTED


def advance(state: ChangeState, step: ChangeStep) -> ChangeState | None:
    """Return the state after a step, None where it cannot be taken. Citation: `citations.CHANGE_STATES`."""
    return _MOVES.get((state, step))


def state_at(wish: ChangeWish, steps: Iterable[ChangeStep], counts_from: int | None, at: int) -> ChangeState:
    """Return the state at `at` (UTC ms) after `steps`, each of which could be taken when it was.

    An approved request counts from `counts_from` (UTC ms). Citation: `citations.CHANGE_STATES`.
    """
    state = begin_state(wish)
    for step in steps:
        following = advance(state, step)
        assert following is not None, f"{step} was kept in state {state}"
        state = following
    if state is ChangeState.APPROVED and counts_from is not None and counts_from <= at:
        return ChangeState.IN_FORCE
    return state


def is_in_progress(state: ChangeState) -> bool:
    """Return whether a request still keeps others of its system waiting. Citation: `citations.CHANGE_STATES`."""
    return state not in _ENDED


def counts_from(wish: ChangeWish, approved_at: int) -> int:
    """Return from when (UTC ms) an approved request counts: as wanted, never before it was approved.

    Citation: `citations.CHANGE_STATES`.
    """
    return max(wish.wanted_at, approved_at)


def list_replaced(relations: Iterable[Relation], wish: ChangeWish, at: int) -> tuple[Relation, ...]:
    """Return whose relations to the system end at `at` (UTC ms) when the wish counts: those of the role it gives.

    Reporter and data acquisition provider are one role here, for a system has one of them; owners may be several, and
    a transfer replaces all. Citation: `citations.ONE_REPORTER`.
    """
    roles = REPORTING_ROLES if wish.role in REPORTING_ROLES else frozenset({wish.role})
    return tuple(one for one in relations if one.role in roles and one.system == wish.system and _lasts(one, at))


def refuse_second_reporter(new: Relation, relations: Iterable[Relation]) -> str | None:
    """Return why an account cannot be made reporter of a system besides another, None where none is in its way.

    Citation: `citations.ONE_REPORTER`.
    """
    if new.role not in REPORTING_ROLES or new.system is None:
        return None
    for one in relations:
        if one.role in REPORTING_ROLES and one.system == new.system and _lasts(one, new.from_at):
            held = f"{one.account} is {_spell(one.role)} of {new.system}"
            return f"{held}: make a change request, or end that relation first"
    return None


def gives_rec_rights(new: Relation, relations: Iterable[Relation]) -> bool:
    """Return whether a new owner of a system is its REC owner too: as long as nobody was named as that.

    Citation: `citations.REC_RIGHTS`.
    """
    if new.role is not Role.SYSTEM_OWNER or new.system is None:
        return False
    return not any(one.role is Role.REC_OWNER and one.system == new.system for one in relations)


def _refuse_reporter(wish: ChangeWish, terms: ChangeTerms) -> str | None:
    if wish.role is Role.REPORTER:
        return None if terms.manual is None else f"{terms.manual.text}; ask for an approved provider as the reporter"
    if not wish.account:
        return "a data acquisition provider is chosen from those that are approved: give the name of its account"
    if not terms.is_approved_provider:
        return f"{wish.account} is no approved data acquisition provider: choose one of `meter-hub account providers`"
    return None


def _refuse_rights(wish: ChangeWish, terms: ChangeTerms) -> str | None:
    if wish.role is Role.REC_OWNER and terms.is_srec and not terms.is_by_staff:
        return (
            f"DOER names the verified REC owner of {wish.system}, which is qualified for SRECs: have DOER tell the "
            "operator"
        )
    if not wish.evidence:
        what = "the signed contract" if wish.role is Role.REC_OWNER else "proof that the system was transferred"
        return f"another {_spell(wish.role)} takes {what}: send it first, as a PDF or a picture, and name it here"
    return None


def _is_already(relation: Relation, wish: ChangeWish) -> bool:
    same = (relation.account, relation.role, relation.system) == (wish.account, wish.role, wish.system)
    return same and _lasts(relation, wish.wanted_at)


def _lasts(relation: Relation, at: int) -> bool:
    """Return whether a relation holds at `at` or begins later."""
    return relation.until_at is None or relation.until_at > at


def _spell(role: Role) -> str:
    return {Role.DAS_PROVIDER: "data acquisition provider", Role.REC_OWNER: "REC owner"}.get(
        role, role.value.replace("_", " ")
    )
