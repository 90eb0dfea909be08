"""Register a generating system under its PTS id."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError
from hub.rules.details import NOTHING_ON_SYSTEM, contradictions, lay_over
from hub.rules.facts import SystemFacts
from hub.services.check_text import check_capacity, check_label, check_pts_id, whole_watts
from hub.services.set_programme import save_programme
from hub.services.tell_changes import tell_changes
from hub.store import changes, facts, registry
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.facts import BEGINNING, Recorded
from hub.store.registry import System

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.details import SystemDetails
    from hub.rules.facts import Programme
    from hub.store.database import Database


def register_system(  # noqa: PLR0913 - what a person says of a system, and who says it
    database: Database,
    pts_id: str,
    name: str,
    capacity_kw_dc: str,
    at: int,
    *,
    details: SystemDetails = NOTHING_ON_SYSTEM,
    programme: Programme | None = None,
    actor: str = "",
) -> System:
    """Register a system and return it; the same one again changes nothing.

    `capacity_kw_dc` is the nameplate as decimal text. What is said first holds for all the time before; what a system
    that is registered already has left open is filled in. Raises InputError for a malformed value, and
    AlreadyRegisteredError if the PTS id stands for another name or nameplate, or other facts.
    """
    system = System(
        pts_id=check_pts_id(pts_id),
        name=check_label(name, "a system name") or pts_id,
        capacity_kw_dc=check_capacity(capacity_kw_dc),
        registered_at=at,
    )
    recorded = Recorded(actor, at)
    with database.write() as connection:
        known = registry.find_system(connection, pts_id)
        if known is None:
            registry.add_system(connection, system)
            facts.add_system_versions(connection, [first_facts(system, details)], recorded)
        else:
            _check_same(known, system)
        is_filled = known is not None and _fill_in(connection, pts_id, details, recorded)
        is_changed = programme is not None and save_programme(connection, programme, recorded)
        if known is None or is_filled or is_changed:
            holds = facts.find_system_facts(connection, pts_id, BEGINNING)
            assert holds is not None, "a registered system has facts from the beginning"
            _, after = tell_changes(None, holds)
            if programme is not None:
                after["programme"] = tell_changes(None, programme)[1]
            append_audit(
                connection,
                actor=actor,
                action="register system" if known is None else "complete system",
                subject=pts_id,
                at=at,
                after=after,
            )
            changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, pts_id)], at)
    return known or system


def first_facts(system: System, details: SystemDetails) -> SystemFacts:
    """Return what holds of a new system from the beginning."""
    named = SystemFacts(system.pts_id, system.name, BEGINNING, whole_watts(system.capacity_kw_dc))
    return lay_over(named, replace(details, capacity_w_dc=None))


def describe_contradiction(pts_id: str, names: tuple[str, ...]) -> str:
    """Return the sentence for facts that are known otherwise than they are said."""
    return (
        f"system {pts_id} is already registered with another {', '.join(names)}: leave that out, or change it with "
        "`meter-hub system amend`, from the day on which it changed"
    )


def _check_same(known: System, system: System) -> None:
    if (known.name, known.capacity_kw_dc) != (system.name, system.capacity_kw_dc):
        message = (
            f"system {known.pts_id} is already registered as {known.name!r} with {known.capacity_kw_dc} kW DC, "
            "which cannot be changed here: give that name and nameplate, or another system's own PTS id"
        )
        raise AlreadyRegisteredError(message)


def _fill_in(connection: Connection, pts_id: str, details: SystemDetails, recorded: Recorded) -> bool:
    """Add what was left open about a registered system, and return whether anything was."""
    known = facts.find_system_facts(connection, pts_id, BEGINNING)
    assert known is not None, "a registered system has facts from the beginning"
    said = replace(details, capacity_w_dc=None)
    if names := contradictions(known, said):
        raise AlreadyRegisteredError(describe_contradiction(pts_id, names))
    filled = lay_over(known, said)
    if filled == known:
        return False
    facts.add_system_versions(connection, [filled], recorded)
    return True
