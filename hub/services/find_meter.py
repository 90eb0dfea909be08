"""Find the meter that a person means by a serial number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import InputError, UnknownSubjectError
from hub.services.compute_production import find_system
from hub.store import registry

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.registry import Meter


def find_meter(connection: Connection, system: str, serial: str, make: str = "") -> Meter:
    """Return a system's meter with this serial number, or with none given its only one.

    `make` is needed where two share a number.

    Raises UnknownSubjectError for a system or meter that is not registered, and InputError where two are meant.
    """
    meters = registry.list_meters(connection, find_system(connection, system).pts_id)
    if len(meters) == 1 and not serial.strip():
        return meters[0]
    found = [one for one in meters if one.serial == serial.strip() and make in {"", one.make}]
    if len(found) > 1:
        makes = " and ".join(one.make for one in found)
        message = f"system {system} has meters with serial number {serial} of {makes}: give --make"
        raise InputError(message)
    if not found:
        known = ", ".join(one.serial for one in meters) or "none"
        message = f"{serial!r:.60} is no meter of system {system}: its meters are {known}"
        raise UnknownSubjectError(message)
    return found[0]
