"""Sign in by another house's word: an identity there is linked with an account here, by its owner's own hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError, NotIdentifiedError, UnknownSubjectError
from hub.services.manage_people import find_account
from hub.services.sign_in import begin_session
from hub.services.tell_account import WayIn, tell_account
from hub.store import identities
from hub.store.audit_log import append_audit
from hub.store.identities import LinkedIdentity

if TYPE_CHECKING:
    from hub.exchange.oidc import Identity
    from hub.services.sign_in import SignedIn, Visit
    from hub.store.database import Database

FRESH_MS = 15 * 60_000
"""How long ago somebody signed in at most to link an identity: a session left open is not enough."""


def sign_in_elsewhere(database: Database, identity: Identity, visit: Visit, now: int) -> SignedIn:
    """Begin a session for the account that is linked with an identity; raises NotIdentifiedError where none is.

    A second factor that is a must here is asked for, unless more than a password was asked for there.
    """
    with database.write() as connection:
        linked = identities.find_identity(connection, identity.issuer, identity.subject)
        if linked is None:
            message = (
                "nobody here is linked with who you are there: sign in with your password, and link it on the page of "
                "your account"
            )
            raise NotIdentifiedError(message)
        return begin_session(connection, linked.account, visit, now, has_code=identity.has_mfa)


def link_identity(database: Database, account: str, identity: Identity, now: int) -> None:
    """Link an identity with an account; the same one again changes nothing.

    Raises AlreadyRegisteredError for one that is linked with another account.
    """
    with database.write() as connection:
        linked = find_account(connection, account)
        held = identities.find_identity(connection, identity.issuer, identity.subject)
        if held is not None and held.account != account:
            message = "who you are there is linked with another account here: take it away there first"
            raise AlreadyRegisteredError(message)
        if held is None:
            identities.add_identity(connection, LinkedIdentity(identity.issuer, identity.subject, account, now))
            after = {"issuer": identity.issuer, "subject": identity.subject}
            append_audit(connection, actor=account, action="link identity", subject=account, at=now, after=after)
            tell_account(connection, linked, WayIn.ELSEWHERE, now)


def unlink_identities(database: Database, account: str, *, actor: str, now: int) -> None:
    """Take every link of an account away; raises UnknownSubjectError where there is no account, or none is linked."""
    with database.write() as connection:
        linked = find_account(connection, account)
        held = identities.list_identities(connection, account)
        if not held:
            message = f"{account} is linked with no identity"
            raise UnknownSubjectError(message)
        identities.drop_identities(connection, account)
        before = [{"issuer": one.issuer, "subject": one.subject} for one in held]
        append_audit(connection, actor=actor, action="unlink identities", subject=account, at=now, before=before)
        tell_account(connection, linked, WayIn.ELSEWHERE, now)
