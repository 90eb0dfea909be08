"""Say under which programme a system's certificates are created, and from which day on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.services.check_text import check_label
from hub.services.compute_production import find_system
from hub.services.tag_facts import check_tag, tag_system
from hub.services.tell_changes import tell_changes
from hub.store import changes, facts
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.facts import Programme
    from hub.store.database import Database


def set_programme(  # noqa: PLR0913, PLR0917 - which one, when, by whom, why, and seen how
    database: Database, programme: Programme, at: int, actor: str, reason: str = "", only_if: str = ""
) -> bool:
    """Set a system's programme from a day on, and return whether that is new; said again it changes nothing.

    What begins on the same day as an earlier programme replaces it; what was said before stays in the history. With
    `only_if`, tags of `tag_facts`, only while nobody has changed it. Raises OutdatedError otherwise, and
    UnknownSubjectError for a system that is not registered.
    """
    recorded = Recorded(actor, at, check_label(reason, "a reason"))
    with database.write() as connection:
        find_system(connection, programme.system)
        before = facts.find_programme(connection, programme.system, programme.from_on)
        seen = tag_system(connection, programme.system)
        is_new = save_programme(connection, programme, recorded)
        if is_new:
            check_tag(seen, only_if)
            append_audit(
                connection,
                actor=actor,
                action="set programme",
                subject=programme.system,
                at=at,
                before=None if before is None else tell_changes(None, before)[1],
                after=tell_changes(None, programme)[1],
                reason=recorded.reason,
            )
            changes.announce(connection, [Subject(SubjectKind.SYSTEM, programme.system)], at)
    return is_new


def save_programme(connection: Connection, programme: Programme, recorded: Recorded) -> bool:
    """Append a programme unless it is what holds from its first day on already; return whether it was new."""
    said = facts.list_programme_versions(connection, programme.system)
    same_day = [one.facts for one in said if one.facts.from_on == programme.from_on]
    if same_day and same_day[-1] == programme:
        return False
    facts.add_programmes(connection, [programme], recorded)
    return True
