"""Record what a reporter says of a month beside the reading: what service cost, and how long the system stood still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.services.check_text import check_label
from hub.services.compute_production import find_system
from hub.store import changes, submissions
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind

if TYPE_CHECKING:
    from hub.store.database import Database
    from hub.store.submissions import Experience

CENTS_MAX = 10_000_000_00
HOURS_MAX = 31 * 24


def record_experience(database: Database, said: Experience) -> Experience:
    """Keep what is said of a system's month; what was said before stays in the ledger, and the last counts.

    Raises InputError for a cost or an outage that cannot be, UnknownSubjectError for a system not registered.
    """
    if not 0 <= said.service_cost_cents <= CENTS_MAX:
        message = f"a service cost of {said.service_cost_cents} cents cannot be: give dollars from 0 to ten million"
        raise InputError(message)
    if not 0 <= said.outage_hours <= HOURS_MAX:
        message = f"an outage of {said.outage_hours} hours does not fit in a month: give 0 to {HOURS_MAX} hours"
        raise InputError(message)
    check_label(said.note, "a note")
    with database.write() as connection:
        find_system(connection, said.system)
        submissions.add_experience(connection, said)
        append_audit(
            connection,
            actor=said.actor,
            action="record experience",
            subject=said.system,
            at=said.recorded_at,
            after={
                "month": str(said.month),
                "service_cost_cents": said.service_cost_cents,
                "outage_hours": said.outage_hours,
            },
            reason=said.note,
        )
        changes.announce(connection, [Subject(SubjectKind.SYSTEM, said.system)], said.recorded_at)
    return said
