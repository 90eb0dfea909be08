"""Set what a rule of alerts compares with, from now or a later instant on; what has fired stays as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.alerting.thresholds import Change, check_from, find_threshold, hold_at, list_coming
from hub.rules.instants import format_instant
from hub.services.amend_system import check_reason
from hub.services.read_thresholds import tag_threshold
from hub.services.tag_facts import check_tag
from hub.store import thresholds
from hub.store.audit_log import append_audit
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from hub.store.database import Database


def set_threshold(  # noqa: PLR0913 - what, by whom and why, and what was seen
    database: Database, change: Change, *, actor: str, now: int, reason: str, only_if: str = ""
) -> bool:
    """Let a threshold have a value from an instant on, its default again with None; return whether that is new.

    With `only_if`, tags of `tag_threshold`, only while nobody has changed it; raises OutdatedError otherwise. Raises
    UnknownSubjectError for a name that none has, and InputError for a value out of its bounds, an instant that has
    passed or is far off, or without a reason.
    """
    threshold = find_threshold(change.threshold)
    if change.value is not None:
        threshold.check(change.value)
    recorded = Recorded(actor, now, check_reason(reason))
    with database.write() as connection:
        said = thresholds.list_changes(connection, threshold.name)
        check_from(change.from_at, now, list_coming(said, now))
        before = hold_at(said, change.from_at).values.get(threshold.name)
        if before == change.value:
            return False
        check_tag(tag_threshold(connection, threshold.name, now), only_if)
        thresholds.add_change(connection, change, recorded)
        append_audit(
            connection,
            actor=actor,
            action="set alert threshold",
            subject=threshold.name,
            at=now,
            before={"value": before},
            after={"value": change.value, "from": format_instant(change.from_at)},
            reason=recorded.reason,
        )
    return True
