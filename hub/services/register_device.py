"""Register a device by its public key, so that its blocks are taken into custody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import AlreadyRegisteredError, InputError
from hub.services.check_text import check_label
from hub.store import changes, registry
from hub.store.audit_log import append_audit
from hub.store.registry import Device
from protocol.cose import VerifyingKey
from protocol.errors import UnusableKeyError
from protocol.identity import derive_device_id, format_device_id

if TYPE_CHECKING:
    from hub.store.database import Database


def register_device(database: Database, pem: bytes, name: str, at: int, actor: str = "") -> Device:
    """Register the device whose enrolment key is this PEM `PUBLIC KEY`, and return it; `name` may be empty.

    The same key and name again change nothing. Raises InputError for anything but an Ed25519 or P-256 public key, and
    AlreadyRegisteredError if the device is registered under another name.
    """
    if b"PRIVATE KEY" in pem:
        message = "this is a private key, which must never leave its device: give the public key the device prints"
        raise InputError(message)
    try:
        key = VerifyingKey.from_pem(pem)
    except UnusableKeyError as error:
        message = f"this is no device key: {error}"
        raise InputError(message) from error
    device_id = derive_device_id(key.spki)
    device = Device(device_id, check_label(name, "a device name") or format_device_id(device_id), at)
    with database.write() as connection:
        known = registry.find_device(connection, device_id)
        if known is None:
            registry.add_device(connection, device, key.key_id, key.spki)
            append_audit(
                connection,
                actor=actor,
                action="register device",
                subject=format_device_id(device_id),
                at=at,
                after={"name": device.name, "key": key.key_id.hex()},
            )
            changes.announce(connection, [changes.FLEET], at)
            return device
    if name and known.name != device.name:
        message = f"device {format_device_id(device_id)} is already registered as {known.name!r}; keep that name"
        raise AlreadyRegisteredError(message)
    return known
