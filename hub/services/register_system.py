"""Register a generating system under its PTS id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError
from hub.rules.facts import SystemFacts
from hub.services.check_text import check_capacity, check_label, check_pts_id, whole_watts
from hub.store import changes, facts, registry
from hub.store.changes import Subject, SubjectKind
from hub.store.facts import Recorded
from hub.store.registry import System

if TYPE_CHECKING:
    from hub.store.database import Database


def register_system(database: Database, pts_id: str, name: str, capacity_kw_dc: str, at: int) -> System:
    """Register a system and return it; the same one again changes nothing.

    `capacity_kw_dc` is the nameplate as decimal text. Raises InputError for a malformed value and
    AlreadyRegisteredError if the PTS id stands for another name or nameplate.
    """
    system = System(
        pts_id=check_pts_id(pts_id),
        name=check_label(name, "a system name") or pts_id,
        capacity_kw_dc=check_capacity(capacity_kw_dc),
        registered_at=at,
    )
    with database.write() as connection:
        known = registry.find_system(connection, pts_id)
        if known is None:
            registry.add_system(connection, system)
            watts = whole_watts(system.capacity_kw_dc)
            first = SystemFacts(pts_id, system.name, facts.BEGINNING, watts)
            facts.add_system_versions(connection, [first], Recorded("", at))
            changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, pts_id)], at)
            return system
    if (known.name, known.capacity_kw_dc) != (system.name, system.capacity_kw_dc):
        message = (
            f"system {pts_id} is already registered as {known.name!r} with {known.capacity_kw_dc} kW DC, "
            "which cannot be changed here: give that name and nameplate, or another system's own PTS id"
        )
        raise AlreadyRegisteredError(message)
    return known
