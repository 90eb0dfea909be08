"""Resolve a contested device: a person has found out which of the two is real, and has taken the other away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.services.find_device import find_device
from hub.store import changes, contests
from hub.store.audit_log import append_audit
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from hub.store.database import Database
    from hub.store.registry import Device


def resolve_device(database: Database, device_id: str, at: int, actor: str = "") -> Device:
    """Hold a device for contested no longer, from `at` (UTC ms) on, and return it.

    Should the other one speak again, the device is contested again. Raises InputError for what is no device id and for
    a device that is not contested, UnknownSubjectError for one that is not registered.
    """
    with database.write() as connection:
        device = find_device(connection, device_id)
        if not contests.end_contest(connection, device.id, at):
            message = f"device {device_id} is not contested: there is nothing to resolve"
            raise InputError(message)
        append_audit(
            connection,
            actor=actor,
            action="resolve device",
            subject=format_device_id(device.id),
            at=at,
            before={"contested": True},
            after={"contested": False},
        )
        changes.announce(connection, [changes.FLEET], at)
    return device
