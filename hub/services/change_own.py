"""Change how one signs in oneself: password, mail address, second factor; each behind the password that one has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.access.passwords import refuse_password
from hub.errors import InputError
from hub.password_hashes import hash_password
from hub.rules.mail_addresses import is_mail_address
from hub.services.manage_people import find_account
from hub.services.set_password import take_factor
from hub.services.sign_in import begin_session, prove_password
from hub.services.tell_account import WayIn, tell_account
from hub.store import accounts, sign_ins
from hub.store.audit_log import append_audit

if TYPE_CHECKING:
    from hub.services.sign_in import SignedIn, Visit, Visitor
    from hub.store.database import Database

_WRONG = "this is not the password that you sign in with: type that one, or have a link sent to set another"


def prove_own(database: Database, visitor: Visitor, password: str, visit: Visit, now: int) -> None:
    """Raise NotIdentifiedError unless this is the visitor's password, ThrottledError where it was tried too often."""
    prove_password(database, visitor.actor.name, password, visit, now, wrong=_WRONG)


def change_password(  # noqa: PLR0913, PLR0917 - whose, from what to what, from where and when
    database: Database, visitor: Visitor, password: str, new: str, visit: Visit, now: int
) -> SignedIn:
    """Set one's own new password, end all one's sessions, and return one that begins in place of this.

    Raises InputError for a password that cannot be one, and as `prove_own` does.
    """
    account = visitor.actor.name
    refusal = refuse_password(new, account)
    if refusal is not None:
        raise InputError(refusal)
    prove_own(database, visitor, password, visit, now)
    kept = hash_password(new)
    with database.write() as connection:
        sign_ins.add_password(connection, account, kept, now)
        sign_ins.void_links(connection, account, now)
        sign_ins.end_sessions(connection, account, now)
        append_audit(connection, actor=account, action="change password", subject=account, at=now)
        tell_account(connection, find_account(connection, account), WayIn.PASSWORD, now)
        return begin_session(connection, account, visit, now, has_code=visitor.session.is_confirmed)


def change_email(  # noqa: PLR0913, PLR0917 - whose, to what, by which password, from where and when
    database: Database, visitor: Visitor, email: str, password: str, visit: Visit, now: int
) -> None:
    """Set one's own mail address; links that were sent to the one before are void. The same one changes nothing.

    Raises InputError for what is no address, and as `prove_own` does.
    """
    account = visitor.actor.name
    if not is_mail_address(email):
        message = f"{email!r:.60} is no mail address: write it as name@example.org"
        raise InputError(message)
    prove_own(database, visitor, password, visit, now)
    with database.write() as connection:
        held = find_account(connection, account)
        if held.email == email:
            return
        accounts.set_email(connection, account, email)
        sign_ins.void_links(connection, account, now)
        append_audit(
            connection,
            actor=account,
            action="change mail address",
            subject=account,
            at=now,
            before={"email": held.email},
            after={"email": email},
        )
        tell_account(connection, held, WayIn.EMAIL, now)


def drop_factor(database: Database, visitor: Visitor, password: str, visit: Visit, now: int) -> None:
    """Take one's own second factor away; all one's sessions end.

    Raises UnknownSubjectError where there is none, and as `prove_own` does.
    """
    prove_own(database, visitor, password, visit, now)
    account = visitor.actor.name
    take_factor(database, account, actor=account, now=now, reason="by its owner")
