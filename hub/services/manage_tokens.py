"""Tokens: how the programs of an account prove whose they are, each bounded to what it is for."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from hub.errors import InputError, UnknownSubjectError
from hub.rules.permissions import Action, Actor
from hub.services.check_text import check_label
from hub.services.manage_people import find_account, refuse_disabled
from hub.store import accounts, tokens
from hub.store.audit_log import append_audit
from hub.store.tokens import TOKEN_ID_LENGTH, Token

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.database import Database

TOKEN_BYTES = 32
TOKEN_MS_MAX = 366 * 86_400_000
USED_EVERY_MS = 3_600_000
"""How often at most the last use of a token is written down."""


def issue_token(  # noqa: PLR0913 - whose, how long, for what, by whom
    database: Database,
    name: str,
    lifetime_ms: int,
    *,
    actor: str,
    now: int,
    scope: frozenset[Action] | None = None,
    label: str = "",
) -> str:
    """Return a new token of an account, which is shown this once: only its hash is kept.

    With a `scope` it is for these actions only, and never for more than the account may. Raises UnknownSubjectError for
    an account that is not here, InputError for one that is disabled, a lifetime that is none or an empty scope.
    """
    if not 0 < lifetime_ms <= TOKEN_MS_MAX:
        message = "a token lives at least a day and at most a year: give its days"
        raise InputError(message)
    if scope is not None and not scope:
        message = "a token is for something: name its actions, or none for all that the account may"
        raise InputError(message)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    new = Token(_hash(token), name, now, now + lifetime_ms, scope, check_label(label, "what a token is for"))
    with database.write() as connection:
        refuse_disabled(connection, name)
        tokens.add_token(connection, new)
        after = {"token": new.id, "expires_at": new.expires_at, "scope": None if scope is None else sorted(scope)}
        append_audit(connection, actor=actor, action="issue token", subject=name, at=now, after=after)
    return token


def end_token(database: Database, name: str, token_id: str, *, actor: str, now: int) -> Token:
    """Take a token of an account back at once and return it; one that has ended already changes nothing.

    Raises UnknownSubjectError for an account that is not here or has no such token.
    """
    with database.write() as connection:
        find_account(connection, name)
        wanted = token_id.strip().lower()
        held = [one for one in tokens.list_tokens(connection, name) if one.id == wanted]
        if not held:
            message = f"{name} has no token {token_id!r:.40}: give the {TOKEN_ID_LENGTH} signs that its list shows"
            raise UnknownSubjectError(message)
        if held[0].ended_at is None:
            tokens.end_token(connection, held[0].sha256, now)
            append_audit(connection, actor=actor, action="end token", subject=name, at=now, after={"token": wanted})
    return held[0]


def identify_actor(connection: Connection, token: str, now: int) -> Actor | None:
    """Return whose token this is at `now` (UTC ms), with all that they are; None if it is nobody's."""
    found = tokens.find_token(connection, _hash(token), now)
    if found is None:
        return None
    held = accounts.list_relations(connection, of_account=found.account)
    return Actor(found.account, tuple(one.relation for one in held), found.scope)


def note_use(database: Database, token: str, now: int) -> None:
    """Keep that a token was used at `now` (UTC ms), if the last use that is kept was an hour ago."""
    with database.read() as connection:
        found = tokens.find_token(connection, _hash(token), now)
    if found is None or (found.used_at is not None and 0 <= now - found.used_at < USED_EVERY_MS):
        return
    with database.write() as connection:
        tokens.touch_token(connection, found.sha256, now)


def read_scope(text: str) -> frozenset[Action] | None:
    """Return the actions whose names stand in a text with blanks or commas between, None for an empty one.

    Raises InputError for a name of none.
    """
    found = set()
    for name in text.replace(",", " ").split():
        try:
            found.add(Action(name))
        except ValueError as error:
            message = f"scope: {name!r:.40} is no action: name some of {', '.join(Action)}"
            raise InputError(message) from error
    return frozenset(found) or None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
