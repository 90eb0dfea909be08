"""Have a link to set a password sent by mail: asked for by whom it is, or by who lets somebody in.

The link itself is made when the mail is sent, so that it is kept nowhere; whoever asks never sees it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.services.manage_people import find_account, refuse_disabled
from hub.services.queue_dispatches import make_event
from hub.store import accounts, dispatches
from hub.store.audit_log import append_audit
from hub.store.dispatches import Dispatch, Kind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.database import Database

HOUR_MS = 3_600_000
LINKS_AN_HOUR = 3
"""How many an account is sent in an hour at most, whoever asks."""
USEFUL_MS = 24 * HOUR_MS
_TYPED_MAX = 254


def request_reset(database: Database, typed: str, now: int) -> None:
    """Have a link sent to the account, or the accounts, of this name or mail address.

    Whoever asks is told the same in any case: nobody learns which accounts there are.
    """
    wanted = typed.strip().casefold()[:_TYPED_MAX]
    with database.write() as connection:
        for one in accounts.find_by_name_or_address(connection, wanted):
            if one.disabled_at is None and dispatches.count_links(connection, one.name, now - HOUR_MS) < LINKS_AN_HOUR:
                _queue(connection, one.name, Kind.RESET, now)
                append_audit(connection, actor=one.name, action="request password link", subject=one.name, at=now)


def invite_account(database: Database, name: str, *, actor: str, now: int) -> None:
    """Have a link sent to an account.

    Raises UnknownSubjectError for an account that is not here, and InputError for one that is disabled, has no mail
    address, or was sent some just now.
    """
    with database.write() as connection:
        refuse_disabled(connection, name)
        found = find_account(connection, name)
        if not found.email:
            message = f"{name} has no mail address: print a link with `meter-hub account link`, and hand it over"
            raise InputError(message)
        if dispatches.count_links(connection, name, now - HOUR_MS) >= LINKS_AN_HOUR:
            message = f"{name} was sent {LINKS_AN_HOUR} links within the hour: wait until it is over"
            raise InputError(message)
        _queue(connection, name, Kind.INVITATION, now)
        append_audit(connection, actor=actor, action="invite account", subject=name, at=now, after={"to": found.email})


def _queue(connection: Connection, name: str, kind: Kind, now: int) -> None:
    dispatches.add_dispatch(connection, Dispatch(None, name, kind, make_event(), "{}", now, now + USEFUL_MS))
