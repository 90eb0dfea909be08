"""Say from which day on the raised limit of manual reporting holds; no source names that day, so the operator does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.rules.parameters import manual_limits
from hub.services.amend_system import check_reason
from hub.store import changes
from hub.store.audit_log import append_audit
from hub.store.facts import Recorded
from hub.store.manual_limits import LimitDay, add_day, find_raised_on

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from hub.rules.parameters import Dated, ManualLimit
    from hub.store.database import Database

SUBJECT = "manual limit"
"""What the audit log calls it."""


def set_manual_limit(database: Database, raised_on: date | None, *, actor: str, now: int, reason: str) -> bool:
    """Let the raised limit hold from a day on, or with None not at all; return whether that is new.

    It decides on what is reported from then on; what was accepted stays. Raises InputError without a reason.
    """
    recorded = Recorded(actor, now, check_reason(reason))
    with database.write() as connection:
        before = find_raised_on(connection)
        if before == raised_on:
            return False
        add_day(connection, LimitDay(raised_on, recorded))
        append_audit(
            connection,
            actor=actor,
            action="set manual limit",
            subject=SUBJECT,
            at=now,
            before={"raised_on": None if before is None else str(before)},
            after={"raised_on": None if raised_on is None else str(raised_on)},
            reason=recorded.reason,
        )
        changes.announce(connection, [changes.FLEET], now)
    return True


def load_manual_limits(connection: Connection) -> tuple[Dated[ManualLimit], ...]:
    """Return the limits of manual reporting as the operator has set them."""
    return manual_limits(find_raised_on(connection))
