"""Set an account's password, by a link that somebody was given; and begin a second factor."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from hub.access.codes import SECRET_BYTES, match_code
from hub.access.passwords import refuse_password
from hub.errors import InputError, UnknownSubjectError
from hub.password_hashes import hash_password
from hub.services.check_text import check_label
from hub.services.manage_people import find_account, refuse_disabled
from hub.services.sign_in import TOKEN_BYTES, hash_token, open_secret, plain, seal_secret
from hub.services.tell_account import WayIn, tell_account
from hub.store import sign_ins
from hub.store.audit_log import append_audit
from hub.store.sign_ins import Factor

if TYPE_CHECKING:
    from hub.sealing import Sealer
    from hub.store.database import Database

LINK_MS = 72 * 3_600_000
RECOVERY_CODES = 8
_CODE_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without signs that are taken for one another."""
_CODE_LENGTH = 10


def make_link(database: Database, account: str, *, actor: str, now: int) -> str:
    """Return a token by which an account's password is set, once and within three days; the ones before are void.

    Whoever sees it can choose the password, so where the hub sends mail no page shows one.
    Raises UnknownSubjectError for an account that is not here, and InputError for one that is disabled.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with database.write() as connection:
        refuse_disabled(connection, account)
        sign_ins.add_link(connection, hash_token(token), account, now, now + LINK_MS)
        append_audit(connection, actor=actor, action="make password link", subject=account, at=now)
    return token


def find_link(database: Database, token: str, now: int) -> str:
    """Return whose link this is; raises UnknownSubjectError for one that is nobody's, was used or has expired."""
    with database.read() as connection:
        account = sign_ins.find_link(connection, hash_token(token), now)
    if account is None:
        message = "this link was used, has expired or was never made: ask for another"
        raise UnknownSubjectError(message)
    return account


def set_password(database: Database, token: str, password: str, now: int) -> str:
    """Set the password of the account whose link this is, end its sessions, and return its name.

    Raises UnknownSubjectError as `find_link` does, and InputError for a password that cannot be one.
    """
    account = find_link(database, token, now)
    refusal = refuse_password(password, account)
    if refusal is not None:
        raise InputError(refusal)
    kept = hash_password(password)
    with database.write() as connection:
        if sign_ins.find_link(connection, hash_token(token), now) is None:
            message = "this link was used just now: sign in with the password that was set"
            raise UnknownSubjectError(message)
        sign_ins.use_link(connection, hash_token(token), now)
        if sign_ins.find_password(connection, account) is not None:
            tell_account(connection, find_account(connection, account), WayIn.PASSWORD, now)
        sign_ins.add_password(connection, account, kept, now)
        sign_ins.end_sessions(connection, account, now)
        append_audit(connection, actor=account, action="set password", subject=account, at=now)
    return account


def begin_factor(database: Database, sealer: Sealer, account: str, now: int) -> bytes:
    """Return the secret of a second factor that waits for its first code; the same one until it is confirmed.

    Raises InputError where the account has one already.
    """
    with database.write() as connection:
        held = sign_ins.find_factor(connection, account)
        if held is not None and held.confirmed_at is not None:
            message = f"{account} has a second factor already: an operator takes it away if the phone is lost"
            raise InputError(message)
        if held is not None:
            return open_secret(sealer, held)
        secret = secrets.token_bytes(SECRET_BYTES)
        sign_ins.save_factor(connection, Factor(account, seal_secret(sealer, account, secret), None, 0), now)
    return secret


def confirm_factor(database: Database, sealer: Sealer, account: str, code: str, now: int) -> tuple[str, ...]:
    """Confirm a second factor by its first code, and return the recovery codes, which are shown this once.

    Raises InputError for a code that is not the one shown now, or where nothing waits for one.
    """
    codes = tuple("".join(secrets.choice(_CODE_SIGNS) for _ in range(_CODE_LENGTH)) for _ in range(RECOVERY_CODES))
    with database.write() as connection:
        held = sign_ins.find_factor(connection, account)
        if held is None or held.confirmed_at is not None:
            message = "no second factor waits for its first code: begin anew on the page of your account"
            raise InputError(message)
        # The step is not used up: the same code may sign in right away.
        step = match_code(open_secret(sealer, held), code, now, held.last_step)
        if step is None:
            message = "this code is not the one that is shown now: check the phone's clock, and type the next one"
            raise InputError(message)
        sign_ins.save_factor(connection, Factor(account, held.secret, now, step - 1), now)
        sign_ins.save_recovery_codes(connection, account, [hash_token(plain(one)) for one in codes])
        append_audit(connection, actor=account, action="confirm second factor", subject=account, at=now)
    return codes


def take_factor(database: Database, account: str, *, actor: str, now: int, reason: str) -> None:
    """Take an account's second factor away, because the phone is lost; its sessions end.

    Raises UnknownSubjectError for an account that is not here or has none, InputError where no reason is given.
    """
    if not check_label(reason, "a reason"):
        message = f"taking the second factor of {account} away needs its reason: say what became of the phone"
        raise InputError(message)
    with database.write() as connection:
        held = find_account(connection, account)
        if sign_ins.find_factor(connection, account) is None:
            message = f"{account} has no second factor"
            raise UnknownSubjectError(message)
        sign_ins.delete_factor(connection, account)
        sign_ins.end_sessions(connection, account, now)
        append_audit(connection, actor=actor, action="take second factor", subject=account, at=now, reason=reason)
        tell_account(connection, held, WayIn.FACTOR, now)
