"""Amend what is known of a system, from a day on: a nameplate that grew, a place that was wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.details import NOTHING_ON_SYSTEM, SYSTEM_FORGETTABLE, forget, lay_over
from hub.services.check_text import check_label
from hub.services.compute_production import find_system
from hub.services.tag_facts import check_tag, tag_system
from hub.services.tell_changes import tell_changes
from hub.store import changes, facts
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from hub.rules.details import SystemDetails
    from hub.rules.facts import SystemFacts
    from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is said of a system from `effective_on` on, and why; `forget` names what turned out not to be known."""

    system: str
    effective_on: date
    reason: str
    details: SystemDetails = NOTHING_ON_SYSTEM
    forget: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Amended:
    """What holds from its day on. `until_on` is the day from which other facts hold that were said before, if any."""

    facts: SystemFacts
    is_new: bool
    until_on: date | None


def amend_system(database: Database, amendment: Amendment, at: int, actor: str, only_if: str = "") -> Amended:
    """Append what holds of a system from a day on; what holds already changes nothing.

    With `only_if`, tags of `tag_facts`, only while nobody has changed it; raises OutdatedError otherwise.

    Raises UnknownSubjectError for a system that is not registered, and InputError without a reason, for a day before
    the beginning of the record, or for something that cannot be unknown.
    """
    reason = check_reason(amendment.reason)
    if amendment.effective_on < facts.BEGINNING:
        message = f"{amendment.effective_on} lies before the record: give {facts.BEGINNING} for what always held"
        raise InputError(message)
    check_forgettable(amendment.forget, SYSTEM_FORGETTABLE)
    with database.write() as connection:
        pts_id = find_system(connection, amendment.system).pts_id
        known = facts.find_system_facts(connection, pts_id, amendment.effective_on)
        assert known is not None, "a registered system has facts from the beginning"
        said = forget(lay_over(known, amendment.details), amendment.forget)
        days = {one.facts.effective_on for one in facts.list_system_versions(connection, pts_id)}
        until_on = min((day for day in days if day > amendment.effective_on), default=None)
        if said == known:
            return Amended(known, is_new=False, until_on=until_on)
        check_tag(tag_system(connection, pts_id), only_if)
        amended = replace(said, effective_on=amendment.effective_on)
        facts.add_system_versions(connection, [amended], Recorded(actor, at, reason))
        before, after = tell_changes(known, amended)
        after["effective_on"] = str(amendment.effective_on)
        append_audit(
            connection,
            actor=actor,
            action="amend system",
            subject=pts_id,
            at=at,
            before=before,
            after=after,
            reason=reason,
        )
        changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, pts_id)], at)
    return Amended(amended, is_new=True, until_on=until_on)


def check_reason(text: str) -> str:
    """Return the reason for a change; raises InputError if there is none."""
    reason = check_label(text, "a reason")
    if not reason:
        message = "say why this changes: a change without a reason cannot be understood later"
        raise InputError(message)
    return reason


def check_forgettable(names: Collection[str], forgettable: Collection[str]) -> None:
    """Raise InputError for a name of something that cannot be unknown."""
    for name in names:
        if name not in forgettable:
            known = ", ".join(forgettable)
            message = f"{name!r:.60} cannot be forgotten: only these may be unknown: {known}"
            raise InputError(message)
