"""Register a meter: which system it belongs to, and which device reads it; or another device that reads it now."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError, InputError, UnknownSubjectError
from hub.rules.details import NOTHING_ON_METER, contradictions, inconsistency, lay_over
from hub.rules.facts import MeterFacts
from hub.services.check_text import check_label
from hub.services.compute_production import find_system
from hub.services.tell_changes import tell_changes
from hub.store import changes, meter_facts, registry
from hub.store.audit_log import append_audit
from hub.store.changes import Subject, SubjectKind
from hub.store.facts import Recorded
from hub.store.registry import Meter
from protocol.errors import IdentityError
from protocol.identity import format_device_id, parse_device_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.rules.details import MeterDetails
    from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class MeterRequest:
    """What a person says of a meter. `device` is the device id as text, empty where people read the meter.

    Empty `make` and `model` match any.
    """

    system: str
    device: str
    serial: str
    make: str = ""
    model: str = ""


def register_meter(
    database: Database,
    request: MeterRequest,
    at: int,
    actor: str = "",
    details: MeterDetails = NOTHING_ON_METER,
) -> Meter:
    """Register a meter and return it; the same one again changes nothing.

    Readings that came before are its readings too. For a meter that the system has already, a device that is new is
    added to those that read it, and a make or model that was left open is filled in, and so are `details`. Raises
    InputError for a malformed value and for details that cannot be, UnknownSubjectError for a system or device that is
    not registered, and AlreadyRegisteredError if the serial number already counts elsewhere or otherwise: one meter
    must never count twice.
    """
    serial = check_label(request.serial, "a serial number")
    if not serial:
        message = "a meter needs a serial number: give the one the device reads from it, shown on the operator page"
        raise InputError(message)
    try:
        devices = (parse_device_id(request.device),) if request.device else ()
    except IdentityError as error:
        raise InputError(str(error)) from error
    meter = Meter(
        id=0,
        system=request.system,
        devices=devices,
        serial=serial,
        make=check_label(request.make, "a make"),
        model=check_label(request.model, "a model"),
        registered_at=at,
    )
    with database.write() as connection:
        _check_known(connection, meter)
        known = _find_same(connection, meter)
        added = registry.add_meter(connection, meter) if known is None else _join(known, meter)
        if known is not None and added != known:
            registry.save_meter(connection, added, at)
        noted = _note(connection, added, details, Recorded(actor, at))
        if added == known and not noted:
            return known
        append_audit(
            connection,
            actor=actor,
            action="register meter" if known is None else "complete meter",
            subject=meter.system,
            at=at,
            before=None if known is None else _told(known),
            after={**_told(added), **noted},
        )
        changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, meter.system)], at)
    return added


def _told(meter: Meter) -> dict[str, object]:
    """Return a meter as the audit log tells it."""
    devices = [format_device_id(device) for device in meter.devices]
    return {"meter": meter.serial, "make": meter.make, "model": meter.model, "devices": devices}


def _note(connection: Connection, meter: Meter, details: MeterDetails, recorded: Recorded) -> dict[str, object]:
    """Let the meter's facts begin or go on with what is said of it, and return what is new of them.

    From its first device on a device reads it, whatever was said before.
    """
    known = meter_facts.find_meter_facts(connection, meter.id)
    if known is not None and (names := contradictions(known, details)):
        message = f"meter {meter.serial} is already known with another {', '.join(names)}: leave that out"
        raise AlreadyRegisteredError(message)
    first = MeterFacts(meter.id, meter.system, meter.serial, meter.make, meter.model)
    noted = lay_over(replace(known or first, is_das=bool(meter.devices)), details)
    if noted == known:
        return {}
    if wrong := inconsistency(noted, recorded.at):
        raise InputError(wrong)
    meter_facts.add_meter_versions(connection, [noted], recorded)
    return tell_changes(known or first, noted)[1]


def _check_known(connection: Connection, meter: Meter) -> None:
    find_system(connection, meter.system)
    if meter.device is not None and registry.find_device(connection, meter.device) is None:
        device = format_device_id(meter.device)
        message = f"device {device} is not registered: run `meter-hub device add --key {device}.pem` first"
        raise UnknownSubjectError(message)


def _find_same(connection: Connection, meter: Meter) -> Meter | None:
    """Return the registered meter that this one is; raises AlreadyRegisteredError if it would count twice."""
    rivals = [
        other
        for other in registry.meters_with_serial(connection, meter.serial)
        if not meter.make or not other.make or meter.make == other.make
    ]
    for other in rivals:
        if other.system != meter.system:
            raise AlreadyRegisteredError(_count_twice(meter, other))
        if meter.model and other.model and meter.model != other.model:
            message = (
                f"meter {meter.serial} of system {other.system} is already registered as model {other.model!r}; "
                "leave --model out, or give that one"
            )
            raise AlreadyRegisteredError(message)
    if len(rivals) > 1:
        makes = " and ".join(other.make for other in rivals)
        message = f"system {meter.system} has meters with serial number {meter.serial} of {makes}: give --make"
        raise AlreadyRegisteredError(message)
    return rivals[0] if rivals else None


def _join(known: Meter, meter: Meter) -> Meter:
    """Return the known meter with what the new registration adds to it."""
    added = tuple(device for device in meter.devices if device not in known.devices)
    return replace(
        known, devices=(*known.devices, *added), make=known.make or meter.make, model=known.model or meter.model
    )


def _count_twice(meter: Meter, other: Meter) -> str:
    counted = f"meter {meter.serial} already counts for system {other.system}, and a meter counts for one system only"
    if not other.make:
        device = "" if other.device is None else f"--device {format_device_id(other.device)} "
        command = (
            f"meter-hub meter add --system {other.system} {device}--serial {shlex.quote(meter.serial)} --make MAKE"
        )
        return f"{counted}; if there are two of that serial number, say with `{command}` which is meant there"
    if not meter.make:
        return f"{counted}; if this is not the one made by {other.make}, give its --make"
    return f"{counted}; check the system and the serial number"
