"""Shut an account out, and let it in again: what it was and did stays, and nothing that it holds opens a door."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.services.check_text import check_label
from hub.services.manage_people import find_account, refuse_last_admin
from hub.store import accounts, sign_ins, tokens
from hub.store.audit_log import append_audit

if TYPE_CHECKING:
    from hub.store.accounts import Account
    from hub.store.database import Database


def disable_account(database: Database, name: str, *, actor: str, now: int, reason: str) -> Account:
    """Disable an account: its sessions end, its tokens are taken back and its links are void. Again changes nothing.

    Raises UnknownSubjectError for an account that is not here, and InputError for one's own, and for the last that
    manages accounts: nobody could let it in again.
    """
    why = check_label(reason, "a reason")
    with database.write() as connection:
        found = find_account(connection, name)
        if found.disabled_at is not None:
            return found
        if actor == name:
            message = f"{name} cannot disable themselves: somebody else who manages accounts does"
            raise InputError(message)
        refuse_last_admin(connection, name, now)
        accounts.set_disabled(connection, name, now)
        ended = {
            "sessions": sign_ins.end_sessions(connection, name, now),
            "tokens": tokens.end_tokens(connection, name, now),
        }
        sign_ins.void_links(connection, name, now)
        append_audit(
            connection, actor=actor, action="disable account", subject=name, at=now, after={"ended": ended}, reason=why
        )
    return replace(found, disabled_at=now)


def enable_account(database: Database, name: str, *, actor: str, now: int, reason: str) -> Account:
    """Let an account in again, with the password and second factor that it had; its tokens stay taken back.

    Again changes nothing. Raises UnknownSubjectError for an account that is not here.
    """
    why = check_label(reason, "a reason")
    with database.write() as connection:
        found = find_account(connection, name)
        if found.disabled_at is None:
            return found
        accounts.set_disabled(connection, name, None)
        before = {"disabled_at": found.disabled_at}
        append_audit(connection, actor=actor, action="enable account", subject=name, at=now, before=before, reason=why)
    return replace(found, disabled_at=None)
