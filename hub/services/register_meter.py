"""Register a meter: which system it belongs to, and which device reads it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError, InputError, UnknownSubjectError
from hub.services.check_text import check_label
from hub.store import changes, registry
from hub.store.changes import Subject, SubjectKind
from hub.store.registry import Meter
from protocol.errors import IdentityError
from protocol.identity import format_device_id, parse_device_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class MeterRequest:
    """What a person says of a meter. `device` is the device id as text; empty `make` and `model` match any."""

    system: str
    device: str
    serial: str
    make: str = ""
    model: str = ""


def register_meter(database: Database, request: MeterRequest, at: int) -> Meter:
    """Register a meter and return it; the same one again changes nothing.

    Readings that came before are its readings too. Raises InputError for a malformed value, UnknownSubjectError for a
    system or device that is not registered, and AlreadyRegisteredError if the serial already counts elsewhere: one
    meter must never count twice.
    """
    serial = check_label(request.serial, "a serial number")
    if not serial:
        message = "a meter needs a serial number: give the one the device reads from it, shown on the operator page"
        raise InputError(message)
    try:
        device = parse_device_id(request.device)
    except IdentityError as error:
        raise InputError(str(error)) from error
    meter = Meter(
        id=0,
        system=request.system,
        device=device,
        serial=serial,
        make=check_label(request.make, "a make"),
        model=check_label(request.model, "a model"),
        registered_at=at,
    )
    with database.write() as connection:
        _check_known(connection, meter)
        known = _find_same(connection, meter)
        if known is not None:
            return known
        added = registry.add_meter(connection, meter)
        changes.announce(connection, [changes.FLEET, Subject(SubjectKind.SYSTEM, meter.system)], at)
    return added


def _check_known(connection: Connection, meter: Meter) -> None:
    if registry.find_system(connection, meter.system) is None:
        message = f"system {meter.system!r} is not registered: run `meter-hub system add {meter.system}` first"
        raise UnknownSubjectError(message)
    if registry.find_device(connection, meter.device) is None:
        device = format_device_id(meter.device)
        message = f"device {device} is not registered: run `meter-hub device add --key {device}.pem` first"
        raise UnknownSubjectError(message)


def _find_same(connection: Connection, meter: Meter) -> Meter | None:
    for other in registry.meters_with_serial(connection, meter.serial):
        if replace(meter, id=other.id, registered_at=other.registered_at) == other:
            return other
        if not meter.make or not other.make or meter.make == other.make:
            device = format_device_id(other.device)
            message = (
                f"meter {meter.serial} is already registered for system {other.system} with device {device}; "
                "give --make if this is another maker's meter"
            )
            raise AlreadyRegisteredError(message)
    return None
