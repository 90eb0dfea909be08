"""Withdraw what of an act on many devices has not been sent yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import InputError, UnknownSubjectError
from hub.services.amend_system import check_reason
from hub.store import bulk_actions, changes, outbox
from hub.store.audit_log import append_audit
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.bulk_actions import Bulk
    from hub.store.database import Database


def cancel_bulk(database: Database, number: int, *, actor: str, now: int, reason: str) -> int:
    """Take back, at `now` (UTC ms), the commands of an act that were never sent, and return how many these were.

    Raises InputError without a reason and where nothing waits to be sent, UnknownSubjectError for a number of none.
    """
    recorded = Recorded(actor, now, check_reason(reason))
    with database.write() as connection:
        find_bulk(connection, number)
        withdrawn = outbox.withdraw_unsent(connection, number, now)
        if not withdrawn:
            message = f"nothing of bulk {number} waits to be sent: there is nothing to withdraw"
            raise InputError(message)
        bulk_actions.cancel_bulk(connection, number, recorded)
        append_audit(
            connection,
            actor=actor,
            action="cancel bulk",
            subject="devices",
            at=now,
            after={"bulk": number, "withdrawn": withdrawn},
            reason=recorded.reason,
        )
        changes.announce(connection, [changes.bulk(number)], now)
    return withdrawn


def find_bulk(connection: Connection, number: int) -> Bulk:
    """Return the act of this number; raises UnknownSubjectError if there is none."""
    found = bulk_actions.find_bulk(connection, number)
    if found is None:
        message = f"there is no bulk {number}"
        raise UnknownSubjectError(message)
    return found
