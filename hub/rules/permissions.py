"""Who may do what: one function, dated relations, and no to everything that is not said here.

A relation gives an account a role, for one system or for all, from an instant until another, and what a role may is a
table. The Production Tracking System knows three kinds of account, and lets only the System Representative enter
production; the others are those of a hub's own people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Role(StrEnum):
    """What somebody is to a system, or to the hub.

    REPORTER is the System Representative, who enters production; DAS_PROVIDER is that for systems that devices report.
    """

    SYSTEM_OWNER = "system_owner"
    REC_OWNER = "rec_owner"
    REPORTER = "reporter"
    DAS_PROVIDER = "das_provider"
    GIS_ACCOUNT_HOLDER = "gis_account_holder"
    INSTALLER = "installer"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    SECURITY_ADMIN = "security_admin"
    SERVICE = "service"


class Action(StrEnum):
    """What can be done."""

    VIEW_PRODUCTION = "view_production"
    ENTER_PRODUCTION = "enter_production"
    REPORT_AUTOMATICALLY = "report_automatically"
    REQUEST_CORRECTION = "request_correction"
    APPROVE_CORRECTION = "approve_correction"
    REQUEST_REPORTER_CHANGE = "request_reporter_change"
    REQUEST_REC_OWNER_CHANGE = "request_rec_owner_change"
    REQUEST_OWNER_CHANGE = "request_owner_change"
    DECIDE_CHANGE = "decide_change"
    CONFIRM_CHANGE = "confirm_change"
    REGISTER_SYSTEM = "register_system"
    REQUEST_EXCHANGE = "request_exchange"
    APPROVE_EXCHANGE = "approve_exchange"
    CLOSE_MONTH = "close_month"
    EXPORT_QUARTER = "export_quarter"
    RECORD_AUDIT = "record_audit"
    REVIEW_FINDING = "review_finding"
    VIEW_MISSING = "view_missing"
    REQUEST_RECONCILIATION = "request_reconciliation"
    SEND_NOTICES = "send_notices"
    FORWARD_MONTH = "forward_month"
    MANAGE_ACCOUNTS = "manage_accounts"
    READ_AUDIT_LOG = "read_audit_log"
    ANSWER_ALERTS = "answer_alerts"


COMMAND_LINE = "cli:"
"""What stands before the name of the machine's user where they act at the hub's own command line."""

_A = Action
_OWN: Mapping[Role, frozenset[Action]] = {
    Role.SYSTEM_OWNER: frozenset({_A.VIEW_PRODUCTION, _A.REQUEST_REPORTER_CHANGE, _A.REQUEST_OWNER_CHANGE}),
    Role.REC_OWNER: frozenset({_A.VIEW_PRODUCTION, _A.REQUEST_REC_OWNER_CHANGE}),
    Role.REPORTER: frozenset({_A.VIEW_PRODUCTION, _A.ENTER_PRODUCTION, _A.REQUEST_CORRECTION, _A.VIEW_MISSING}),
    Role.DAS_PROVIDER: frozenset(
        {
            *(_A.VIEW_PRODUCTION, _A.ENTER_PRODUCTION, _A.REPORT_AUTOMATICALLY, _A.REQUEST_CORRECTION),
            _A.VIEW_MISSING,
        }
    ),
    Role.GIS_ACCOUNT_HOLDER: frozenset(
        {
            *(_A.VIEW_PRODUCTION, _A.VIEW_MISSING, _A.REQUEST_RECONCILIATION, _A.REQUEST_CORRECTION),
            *(_A.REQUEST_REPORTER_CHANGE, _A.REQUEST_OWNER_CHANGE),
        }
    ),
    Role.INSTALLER: frozenset({_A.REQUEST_EXCHANGE}),
    Role.OPERATOR: frozenset(
        {
            *(_A.VIEW_PRODUCTION, _A.REPORT_AUTOMATICALLY, _A.REQUEST_CORRECTION, _A.APPROVE_CORRECTION),
            *(_A.REQUEST_REPORTER_CHANGE, _A.REQUEST_REC_OWNER_CHANGE, _A.REQUEST_OWNER_CHANGE, _A.DECIDE_CHANGE),
            *(_A.REGISTER_SYSTEM, _A.REQUEST_EXCHANGE, _A.APPROVE_EXCHANGE, _A.CLOSE_MONTH),
            *(_A.EXPORT_QUARTER, _A.RECORD_AUDIT, _A.REVIEW_FINDING, _A.VIEW_MISSING),
            *(_A.SEND_NOTICES, _A.FORWARD_MONTH, _A.READ_AUDIT_LOG, _A.ANSWER_ALERTS),
        }
    ),
    Role.AUDITOR: frozenset({_A.VIEW_PRODUCTION, _A.VIEW_MISSING, _A.RECORD_AUDIT, _A.READ_AUDIT_LOG}),
    Role.SECURITY_ADMIN: frozenset({_A.MANAGE_ACCOUNTS, _A.READ_AUDIT_LOG}),
    Role.SERVICE: frozenset({_A.REPORT_AUTOMATICALLY, _A.VIEW_PRODUCTION}),
}
"""What a role may on the systems that its relation names; a relation to all systems names every one."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What an account is to a system (None: to all of them), from `from_at` up to `until_at` (UTC ms; None: still)."""

    account: str
    role: Role
    system: str | None
    from_at: int
    until_at: int | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an account's name with its relations; `name` is what ledgers call it.

    `scope` is what the token in use was made for, None where there is no such bound.
    """

    name: str
    relations: tuple[Relation, ...] = ()
    scope: frozenset[Action] | None = None
    _by_system: dict[str | None, list[Relation]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the relations by system: somebody may be something to thousands, and a page asks dozens of times."""
        for relation in self.relations:
            self._by_system.setdefault(relation.system, []).append(relation)

    def related_to(self, system: str | None) -> tuple[Relation, ...]:
        """Return the relations, of whatever time, to all systems and to this one; None: only those to all."""
        to_all = self._by_system.get(None, ())
        return tuple(to_all) if system is None else (*to_all, *self._by_system.get(system, ()))


@dataclass(frozen=True, slots=True)
class Subject:
    """What is acted on: a system, or with None the hub.

    `is_automatic` is for a system that devices report: nobody enters its production by hand, until it is set otherwise.
    `asked_of` is the account whose word a change of the system waits for: it alone confirms, and is nothing to the
    system before.
    """

    system: str | None = None
    is_automatic: bool = False
    asked_of: str = ""


def allow(actor: Actor, action: Action, subject: Subject, at: int) -> bool:
    """Return whether an actor may do this at `at` (UTC ms): only if one of their relations says so then.

    Citation: `citations.ACCOUNT_TYPES`.
    """
    if _is_beyond(actor, action):
        return False
    if action is Action.CONFIRM_CHANGE:
        return actor.name == subject.asked_of
    held = (one for one in actor.related_to(subject.system) if _is_at(one, at))
    return any(_grants(one, action, subject) for one in held)


def reach(actor: Actor, action: Action, at: int) -> frozenset[str] | None:
    """Return of which systems an actor may do this at `at` (UTC ms): None for all there are.

    What lists systems asks this, so that a list shows nothing that its pages would refuse. It takes each relation once,
    for whoever is something to thousands of systems. Citation: `citations.ACCOUNT_TYPES`.
    """
    if allow(actor, action, Subject(), at):
        return None
    if _is_beyond(actor, action) or action is Action.CONFIRM_CHANGE:
        return frozenset()
    return frozenset(
        one.system for one in actor.relations if one.system is not None and _is_at(one, at) and action in _OWN[one.role]
    )


def explain_refusal(actor: Actor, action: Action, subject: Subject, at: int) -> str | None:
    """Return in a sentence why an actor may not do this, None if they may. Citation: `citations.ACCOUNT_TYPES`."""
    if allow(actor, action, subject, at):
        return None
    whose = "the hub" if subject.system is None else f"system {subject.system}"
    told = f"{actor.name} may not {action.value.replace('_', ' ')} of {whose}"
    if actor.scope is not None and _is_beyond(actor, action):
        return f"{told} with this token: its scope is {_list(actor.scope) or 'nothing'}"
    if action is Action.CONFIRM_CHANGE:
        return f"{told}: it waits for the word of {subject.asked_of or 'nobody'}"
    roles = {one.role for one in actor.related_to(subject.system) if _is_at(one, at)}
    if not roles:
        return f"{told}: nothing relates them now; ask for a change request or an operator"
    if subject.is_automatic and any(action in _OWN[role] for role in roles):
        return f"{told}: it is set to report automatically, and is reported by its devices"
    able = {role for role, actions in _OWN.items() if action in actions}
    return f"{told} as {_list(roles)}: that takes {_list(able)}"


def _list(named: Collection[Role] | Collection[Action]) -> str:
    return " or ".join(sorted(one.value.replace("_", " ") for one in named))


def may_decide(requested_by: str, decided_by: str) -> bool:
    """Return whether somebody may decide on what was requested: never on what is their own, however it is spelt.

    An account and the user of that name at the hub's own command line are one person. Citation: `citations.FOUR_EYES`.
    """
    return _person(requested_by) != _person(decided_by)


def _person(name: str) -> str:
    return name.casefold().removeprefix(COMMAND_LINE)


def _is_beyond(actor: Actor, action: Action) -> bool:
    """Return whether a token was made for other actions than this."""
    return actor.scope is not None and action not in actor.scope


def _is_at(relation: Relation, at: int) -> bool:
    return relation.from_at <= at and (relation.until_at is None or at < relation.until_at)


def _grants(relation: Relation, action: Action, subject: Subject) -> bool:
    if action is Action.ENTER_PRODUCTION and subject.is_automatic:
        return False
    return action in _OWN[relation.role]
