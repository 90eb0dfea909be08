"""Accounts and relations: who there is, and what they are to systems."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError, InputError, UnknownSubjectError
from hub.rules.change_requests import gives_rec_rights, refuse_second_reporter
from hub.rules.mail_addresses import is_mail_address
from hub.rules.permissions import Relation, Role
from hub.services.check_text import check_label
from hub.services.compute_production import find_system
from hub.store import accounts, change_requests
from hub.store.audit_log import append_audit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.accounts import Account, HeldRelation
    from hub.store.database import Database

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")


def add_account(database: Database, new: Account) -> Account:
    """Add an account; the same one again changes nothing.

    Raises InputError for a malformed name or address, AlreadyRegisteredError if the name stands for somebody else.
    """
    if _NAME.fullmatch(new.name) is None:
        message = f"{new.name!r:.60} cannot be an account's name: use 2 to 40 of a-z, digits, dots, dashes, underscores"
        raise InputError(message)
    if new.email and not is_mail_address(new.email):
        message = f"{new.email!r:.60} is no mail address: write it as name@example.org, or leave it out"
        raise InputError(message)
    check_label(new.full_name, "a name")
    with database.write() as connection:
        held = accounts.find_account(connection, new.name)
        if held is not None:
            if (held.full_name, held.email) == (new.full_name, new.email):
                return held
            message = f"account {new.name} is {held.full_name!r} already: choose another name"
            raise AlreadyRegisteredError(message)
        accounts.add_account(connection, new)
        after = {"name": new.full_name, "email": new.email}
        append_audit(
            connection, actor=new.created_by, action="add account", subject=new.name, at=new.created_at, after=after
        )
    return new


def relate_account(database: Database, new: Relation, *, actor: str, now: int) -> HeldRelation:
    """Give an account a role, for a system or for all; the same again changes nothing.

    The first owner of a system becomes its REC owner too. Raises UnknownSubjectError for an account or system that is
    not here, InputError for a role that somebody would give themselves and for an installer of all systems, and
    AlreadyRegisteredError where the system has a reporter already.
    """
    if actor == new.account:
        message = f"{actor} cannot give themselves a role: somebody else does"
        raise InputError(message)
    if new.role is Role.INSTALLER and new.system is None:
        message = "an installer works at single systems: name the system, and give the role for each"
        raise InputError(message)
    with database.write() as connection:
        find_account(connection, new.account)
        if new.system is not None:
            find_system(connection, new.system)
        for held in accounts.list_relations(connection, of_account=new.account):
            same = (held.relation.role, held.relation.system, held.relation.until_at) == (new.role, new.system, None)
            if same and held.relation.from_at <= new.from_at:
                return held
        beside: tuple[Relation, ...] = ()
        if new.system is not None:
            beside = tuple(one.relation for one in accounts.list_relations(connection, of_system=new.system))
        refusal = refuse_second_reporter(new, beside)
        if refusal is not None:
            raise AlreadyRegisteredError(refusal)
        added = _add_relation(connection, new, now, actor)
        if gives_rec_rights(new, beside):
            _add_relation(connection, replace(new, role=Role.REC_OWNER), now, actor)
    return added


def end_relation(  # noqa: PLR0913 - what ends when, by whom and why
    database: Database, number: int, until_at: int, *, actor: str, now: int, reason: str
) -> HeldRelation:
    """Let a relation end at `until_at` (UTC ms).

    Raises UnknownSubjectError, and InputError for one that has ended, and for that of the last account that manages
    accounts: nobody could give it back.
    """
    with database.write() as connection:
        held = accounts.find_relation(connection, number)
        if held is None:
            message = f"there is no relation {number}: `meter-hub account list` shows them"
            raise UnknownSubjectError(message)
        if held.relation.until_at is not None:
            message = f"relation {number} has ended already"
            raise InputError(message)
        if until_at < held.relation.from_at:
            message = f"relation {number} cannot end before it began"
            raise InputError(message)
        if held.relation.role is Role.SECURITY_ADMIN and held.relation.system is None:
            refuse_last_admin(connection, held.relation.account, now)
        accounts.end_relation(connection, number, until_at, now, actor)
        after = {"relation": number, "until_at": until_at}
        append_audit(
            connection,
            actor=actor,
            action="end relation",
            subject=held.relation.account,
            at=now,
            after=after,
            reason=check_label(reason, "a reason"),
        )
    return replace(held, relation=replace(held.relation, until_at=until_at))


def approve_provider(  # noqa: PLR0913 - who says what of whom, when and why
    database: Database, name: str, *, is_approved: bool, actor: str, now: int, reason: str
) -> None:
    """Say whether an account may be chosen as a data acquisition provider; raises UnknownSubjectError as above."""
    with database.write() as connection:
        find_account(connection, name)
        why = check_label(reason, "a reason")
        change_requests.say_approved(connection, name, is_approved=is_approved, at=now, actor=actor, reason=why)
        action = "approve provider" if is_approved else "withdraw provider's approval"
        append_audit(connection, actor=actor, action=action, subject=name, at=now, reason=why)


def _add_relation(connection: Connection, new: Relation, now: int, actor: str) -> HeldRelation:
    added = accounts.add_relation(connection, new, now, actor)
    after = {"role": new.role.value, "system": new.system, "from_at": new.from_at}
    append_audit(connection, actor=actor, action="relate", subject=new.account, at=now, after=after)
    return added


def refuse_last_admin(connection: Connection, name: str, now: int) -> None:
    """Raise InputError where nobody else could manage accounts any more."""
    if accounts.list_holders(connection, Role.SECURITY_ADMIN, now) == {name}:
        message = f"{name} is the last who manages accounts: make somebody else one first"
        raise InputError(message)


def refuse_disabled(connection: Connection, name: str) -> None:
    """Raise UnknownSubjectError where there is no such account, InputError where it is given nothing to come in by."""
    if find_account(connection, name).disabled_at is not None:
        message = f"{name} is disabled: enable the account first"
        raise InputError(message)


def find_account(connection: Connection, name: str) -> Account:
    """Return an account; raises UnknownSubjectError if there is none of this name."""
    found = accounts.find_account(connection, name)
    if found is None:
        message = f"there is no account {name!r:.60}: add it with `meter-hub account add`"
        raise UnknownSubjectError(message)
    return found
