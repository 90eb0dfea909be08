"""Sign in with a password and, where it is a must, a second factor; and who a session's token speaks for."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.access.ages import FOR_OTHERS, FOR_STAFF, is_alive, is_staff
from hub.access.codes import SECRET_BYTES, match_code
from hub.access.throttle import ADDRESS_SPAN_MS, FORGET_MS, address_wait_ms, wait_ms
from hub.errors import NotIdentifiedError, ThrottledError, UnknownSubjectError
from hub.password_hashes import verify_password
from hub.rules.permissions import Actor
from hub.services.manage_people import find_account
from hub.store import accounts, sign_ins
from hub.store.audit_log import append_audit
from hub.store.sign_ins import Session

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.permissions import Relation
    from hub.sealing import Sealer
    from hub.store.database import Database

TOKEN_BYTES = 32
SEEN_EVERY_MS = 60_000
"""How often at most a session's last use is written down."""
AGENT_MAX = 200


class Next(StrEnum):
    """What a session still lacks: nothing, a code, or a second factor to begin with."""

    NOTHING = "nothing"
    CODE = "code"
    ENROLMENT = "enrolment"


@dataclass(frozen=True, slots=True)
class Visit:
    """From where somebody signs in."""

    address: str
    agent: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session of an account that has begun: its token, shown this once, and what it still lacks."""

    account: str
    token: str
    next: Next


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a session speaks for; without a second factor that is a must, for nobody yet."""

    actor: Actor
    session: Session
    next: Next


def sign_in(database: Database, name: str, password: str, visit: Visit, now: int) -> SignedIn:
    """Begin a session for an account whose password this is.

    Raises NotIdentifiedError for any other name or password, in the same words and the same time, and ThrottledError
    where it was tried too often.
    """
    typed = name.strip().casefold()[:100]
    wrong = "this name and password do not belong together: try again, or ask for a new link to set a password"
    prove_password(database, typed, password, visit, now, wrong=wrong)
    with database.write() as connection:
        return begin_session(connection, typed, visit, now, has_code=False)


def prove_password(  # noqa: PLR0913 - whose it is said to be, from where and when, and what is said if it is not
    database: Database, account: str, password: str, visit: Visit, now: int, *, wrong: str
) -> None:
    """Raise NotIdentifiedError, which says `wrong`, unless this is the account's password.

    Raises ThrottledError where it was tried too often.
    """
    with database.read() as connection:
        _refuse_haste(connection, account, visit.address, now)
        kept = sign_ins.find_password(connection, account)
    if not verify_password(kept, password):
        with database.write() as connection:
            sign_ins.add_failure(connection, account, visit.address, now, now - FORGET_MS)
        raise NotIdentifiedError(wrong)


def give_code(  # noqa: PLR0913, PLR0917 - whose code, from where and when, and what opens its secret
    database: Database, sealer: Sealer, visitor: Visitor, code: str, visit: Visit, now: int
) -> SignedIn:
    """Go on with a session that lacks a code: it ends, and one that lacks nothing begins.

    Raises NotIdentifiedError for a code that is none, was used or is of another time, and ThrottledError where it was
    tried too often.
    """
    account = visitor.actor.name
    with database.write() as connection:
        _refuse_haste(connection, account, visit.address, now)
        factor = sign_ins.find_factor(connection, account)
        step = None if factor is None else match_code(open_secret(sealer, factor), code, now, factor.last_step)
        is_right = step is not None or sign_ins.use_recovery_code(connection, account, hash_token(plain(code)), now)
        if is_right and factor is not None:
            kept = sign_ins.Factor(account, factor.secret, factor.confirmed_at or now, step or factor.last_step)
            sign_ins.save_factor(connection, kept, now)
            sign_ins.end_session(connection, visitor.session.number, now)
            return begin_session(connection, account, visit, now, has_code=True)
        sign_ins.add_failure(connection, account, visit.address, now, now - FORGET_MS)
    message = "this code is not the one that is shown now: wait for the next one, or use a recovery code"
    raise NotIdentifiedError(message)


def find_visitor(database: Database, token: str, now: int, *, is_use: bool = True) -> Visitor | None:
    """Return who a session's token speaks for at `now` (UTC ms), None if it is nobody's or has ended.

    With `is_use` false the session does not last longer by it: a page that goes on by itself is nobody's use of it.
    """
    with database.read() as connection:
        session = sign_ins.find_session(connection, hash_token(token))
        if session is None or session.ended_at is not None:
            return None
        relations = _relations(connection, session.account)
        terms = FOR_STAFF if is_staff(relations, now) else FOR_OTHERS
        if not is_alive(terms, session.begun_at, session.seen_at, now):
            return None
        lacks = _next(connection, session.account, relations, now, has_code=session.is_confirmed)
    if is_use and now - session.seen_at >= SEEN_EVERY_MS:
        with database.write() as connection:
            sign_ins.touch_session(connection, session.number, now)
    return Visitor(Actor(session.account, relations), session, lacks)


def sign_out(database: Database, visitor: Visitor, now: int, number: int | None = None) -> None:
    """End this session, or another of the same account; raises UnknownSubjectError for one of somebody else."""
    name, ending = visitor.actor.name, visitor.session.number if number is None else number
    end_session(database, name, ending, actor=name, now=now)


def end_session(database: Database, account: str, number: int, *, actor: str, now: int) -> None:
    """End a session of an account; raises UnknownSubjectError for one that is not there, is over or another's."""
    with database.write() as connection:
        find_account(connection, account)
        if number not in {one.number for one in sign_ins.list_sessions(connection, account)}:
            message = f"{account} has no session {number}: its list has those that nobody ended"
            raise UnknownSubjectError(message)
        sign_ins.end_session(connection, number, now)
        append_audit(connection, actor=actor, action="sign out", subject=account, at=now, after={"session": number})


def end_all_sessions(database: Database, account: str, *, actor: str, now: int, but: int | None = None) -> int:
    """End the sessions of an account, but for the one with the number `but`, and return how many these were.

    Raises UnknownSubjectError for an account that is not here.
    """
    with database.write() as connection:
        find_account(connection, account)
        ended = sign_ins.end_sessions(connection, account, now, but=but)
        if ended:
            append_audit(
                connection, actor=actor, action="end sessions", subject=account, at=now, after={"ended": ended}
            )
    return ended


def seal_secret(sealer: Sealer, account: str, secret: bytes) -> bytes:
    """Return the secret of an account's second factor as it is kept."""
    return sealer.seal(secret, _place(account))


def open_secret(sealer: Sealer, factor: sign_ins.Factor) -> bytes:
    """Return the secret of a second factor; one that was kept before secrets were sealed is as it stands.

    Raises SettingsError for one that was sealed under another key than this hub's.
    """
    if len(factor.secret) == SECRET_BYTES:
        return factor.secret
    return sealer.open(factor.secret, _place(factor.account))


def hash_token(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def plain(code: str) -> str:
    """Return a recovery code as it is hashed: without blanks and dashes, in small letters."""
    return "".join(sign for sign in code.casefold() if sign.isalnum())


def begin_session(connection: Connection, account: str, visit: Visit, now: int, *, has_code: bool) -> SignedIn:
    """Begin a session of an account at `now` (UTC ms); `has_code` tells that a second factor was shown.

    Raises NotIdentifiedError for an account that is disabled.
    """
    found = accounts.find_account(connection, account)
    if found is not None and found.disabled_at is not None:
        message = "this account is disabled: ask who manages the accounts of this hub"
        raise NotIdentifiedError(message)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    relations = _relations(connection, account)
    lacks = _next(connection, account, relations, now, has_code=has_code)
    agent = "".join(sign for sign in visit.agent if sign.isprintable())[:AGENT_MAX]
    session = Session(0, account, has_code, now, now, None, visit.address, agent)
    sign_ins.add_session(connection, hash_token(token), session)
    if lacks is not Next.CODE:
        sign_ins.forget_failures(connection, account)
        append_audit(
            connection, actor=account, action="sign in", subject=account, at=now, after={"address": visit.address}
        )
    return SignedIn(account, token, lacks)


def _place(account: str) -> str:
    return f"second factor of {account}"


def _next(connection: Connection, account: str, relations: tuple[Relation, ...], now: int, *, has_code: bool) -> Next:
    factor = sign_ins.find_factor(connection, account)
    if factor is not None and factor.confirmed_at is not None:
        return Next.NOTHING if has_code else Next.CODE
    return Next.ENROLMENT if is_staff(relations, now) and not has_code else Next.NOTHING


def _relations(connection: Connection, account: str) -> tuple[Relation, ...]:
    return tuple(one.relation for one in accounts.list_relations(connection, of_account=account))


def _refuse_haste(connection: Connection, account: str, address: str, now: int) -> None:
    """Raise ThrottledError where an account or an address has to wait."""
    own = sign_ins.count_failures(connection, account=account, since=now - FORGET_MS)
    there = sign_ins.count_failures(connection, address=address, since=now - ADDRESS_SPAN_MS)
    waiting = max(wait_ms(own.count, own.last_at, now), address_wait_ms(there.count, there.oldest_at, now))
    if waiting:
        seconds = -(-waiting // 1000)
        message = f"too many wrong tries: wait {seconds} seconds, and try again"
        raise ThrottledError(message, seconds)
