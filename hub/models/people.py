"""People as JSON: accounts with what they are to systems, and the audit log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from hub.rules.instants import format_instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.rules.audit_chain import AuditEntry
    from hub.services.verify_audit import VerifiedAudit
    from hub.store.accounts import Account, HeldRelation
    from hub.store.identities import LinkedIdentity
    from hub.store.sign_ins import Factor, Session
    from hub.store.tokens import Token


class RelationJson(BaseModel):
    """What an account is to a system, or with None to all of them, and from when until when."""

    relation: int
    role: str
    system: str | None
    from_at: str
    until_at: str | None


class AccountJson(BaseModel):
    """Somebody, or a program; `disabled_at` is null while it may be used."""

    account: str
    name: str
    email: str
    created_at: str
    disabled_at: str | None
    relations: list[RelationJson]


class AccountsJson(BaseModel):
    """Accounts, by name; `next` begins the next page, None after the last."""

    accounts: list[AccountJson]
    next: str | None = None


class IdentityJson(BaseModel):
    """Who somebody is at another house, by whose word they sign in."""

    issuer: str
    subject: str


class AccountDetailsJson(AccountJson):
    """An account, and by what it signs in."""

    has_password: bool
    has_second_factor: bool
    identities: list[IdentityJson]


class SessionJson(BaseModel):
    """A session of a browser that nobody ended; `confirmed` says whether its second factor was shown."""

    session: int
    confirmed: bool
    begun_at: str
    seen_at: str
    address: str
    agent: str


class SessionsJson(BaseModel):
    """Sessions of an account, the latest first; `next` begins the next page."""

    sessions: list[SessionJson]
    next: int | None = None


class TokenInfoJson(BaseModel):
    """A token, but for the token itself: what it is for, until when, and when it was last used.

    `scope` names the actions that it is for, null for all that the account may.
    """

    token: str
    label: str
    scope: list[str] | None
    issued_at: str
    expires_at: str
    used_at: str | None
    ended_at: str | None


class TokensJson(BaseModel):
    """The tokens of an account, the latest first."""

    tokens: list[TokenInfoJson]


class AuditEntryJson(BaseModel):
    """An entry of the audit log; `previous` is the hash of the entry before it."""

    number: int
    at: str
    actor: str
    action: str
    subject: str
    before: Any
    after: Any
    reason: str
    previous: str
    sha256: str


class AuditLogJson(BaseModel):
    """Entries of the audit log, the latest first; `next` begins the next page, None after the last."""

    entries: list[AuditEntryJson]
    next: int | None = None


class AuditVerifiedJson(BaseModel):
    """Whether the audit log is whole: `broken` says where it is not, `head` is the hash of its last entry."""

    entries: int
    head: str
    broken: str | None


def audit_verified_json(verified: VerifiedAudit) -> AuditVerifiedJson:
    """Return what came of checking the log."""
    return AuditVerifiedJson(entries=verified.entries, head=verified.head, broken=verified.broken)


def account_json(account: Account, relations: Sequence[HeldRelation]) -> AccountJson:
    """Return an account with its relations."""
    return AccountJson(
        account=account.name,
        name=account.full_name,
        email=account.email,
        created_at=format_instant(account.created_at),
        disabled_at=None if account.disabled_at is None else format_instant(account.disabled_at),
        relations=[relation_json(one) for one in relations],
    )


def account_details_json(
    account: Account,
    relations: Sequence[HeldRelation],
    linked: Sequence[LinkedIdentity],
    factor: Factor | None,
    *,
    has_password: bool,
) -> AccountDetailsJson:
    """Return an account with its relations and by what it signs in."""
    return AccountDetailsJson(
        **dict(account_json(account, relations)),
        has_password=has_password,
        has_second_factor=factor is not None and factor.confirmed_at is not None,
        identities=[IdentityJson(issuer=one.issuer, subject=one.subject) for one in linked],
    )


def session_json(session: Session) -> SessionJson:
    """Return a session."""
    return SessionJson(
        session=session.number,
        confirmed=session.is_confirmed,
        begun_at=format_instant(session.begun_at),
        seen_at=format_instant(session.seen_at),
        address=session.address,
        agent=session.agent,
    )


def relation_json(held: HeldRelation) -> RelationJson:
    """Return a relation."""
    until_at = held.relation.until_at
    return RelationJson(
        relation=held.number,
        role=held.relation.role.value,
        system=held.relation.system,
        from_at=format_instant(held.relation.from_at),
        until_at=None if until_at is None else format_instant(until_at),
    )


def token_json(token: Token) -> TokenInfoJson:
    """Return what is known of a token."""
    return TokenInfoJson(
        token=token.id,
        label=token.label,
        scope=None if token.scope is None else sorted(token.scope),
        issued_at=format_instant(token.issued_at),
        expires_at=format_instant(token.expires_at),
        used_at=None if token.used_at is None else format_instant(token.used_at),
        ended_at=None if token.ended_at is None else format_instant(token.ended_at),
    )


def entry_json(entry: AuditEntry) -> AuditEntryJson:
    """Return an entry of the audit log."""
    return AuditEntryJson(
        number=entry.number,
        at=format_instant(entry.at),
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        before=json.loads(entry.before),
        after=json.loads(entry.after),
        reason=entry.reason,
        previous=entry.previous,
        sha256=entry.sha256,
    )
