"""Describe a meter: how exact it is, what proves that, what its register began with and where it starts again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.rules.details import METER_FORGETTABLE, NOTHING_ON_METER, forget, inconsistency, lay_over
from hub.services.amend_system import check_forgettable
from hub.services.check_text import check_label
from hub.services.find_meter import find_meter
from hub.services.tag_facts import check_tag, tag_meters
from hub.services.tell_changes import tell_changes
from hub.store import changes, meter_facts
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.facts import Recorded

if TYPE_CHECKING:
    from hub.rules.details import MeterDetails
    from hub.rules.facts import MeterFacts
    from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a meter, and why; `make` is needed where two of the system's meters share the serial number."""

    system: str
    serial: str
    make: str = ""
    reason: str = ""
    details: MeterDetails = NOTHING_ON_METER
    forget: tuple[str, ...] = ()


def describe_meter(database: Database, description: Description, at: int, actor: str, only_if: str = "") -> MeterFacts:
    """Append what is known of a meter and return it; what is known already changes nothing.

    With `only_if`, tags of `tag_facts`, only while nobody has changed it; raises OutdatedError otherwise.

    Raises UnknownSubjectError for a system or meter that is not registered, and InputError for what cannot be: a
    beginning that has not come, or at or above the energy at which the register starts again.
    """
    reason = check_label(description.reason, "a reason")
    check_forgettable(description.forget, METER_FORGETTABLE)
    with database.write() as connection:
        meter = find_meter(connection, description.system, description.serial, description.make)
        known = meter_facts.find_meter_facts(connection, meter.id)
        assert known is not None, "a registered meter has facts"
        said = forget(lay_over(known, description.details), description.forget)
        if said == known:
            return known
        check_tag(tag_meters(connection, meter.system), only_if)
        if wrong := inconsistency(said, at):
            raise InputError(wrong)
        meter_facts.add_meter_versions(connection, [said], Recorded(actor, at, reason))
        before, after = tell_changes(known, said)
        append_audit(
            connection,
            actor=actor,
            action="describe meter",
            subject=meter.system,
            at=at,
            before=before,
            after={"meter": meter.serial, **after},
            reason=reason,
        )
        changes.announce(connection, [Subject(SubjectKind.SYSTEM, meter.system)], at)
    return said
