"""Find the registered device that somebody names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import InputError, UnknownSubjectError
from hub.store import registry
from protocol.errors import IdentityError
from protocol.identity import parse_device_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.registry import Device


def find_device(connection: Connection, device_id: str) -> Device:
    """Return the device with this id, as people write it.

    Raises InputError for what is no device id, UnknownSubjectError for one that is not registered.
    """
    try:
        identity = parse_device_id(device_id)
    except IdentityError as error:
        raise InputError(str(error)) from error
    device = registry.find_device(connection, identity)
    if device is None:
        message = f"device {device_id} is not registered here: `meter-hub device list` names those that are"
        raise UnknownSubjectError(message)
    return device
