"""Put tags on a device, and take them off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.fleet.tags import check_retagging
from hub.services.find_device import find_device
from hub.store import device_tags
from hub.store.audit_log import append_audit
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from hub.fleet.tags import Retagging
    from hub.store.database import Database


def tag_device(database: Database, device_id: str, wish: Retagging, *, actor: str, now: int) -> tuple[str, ...]:
    """Change the tags of a device at `now` (UTC ms), and return those that it has from then on.

    Raises InputError for what is no device id, and for what changes nothing or would be too many; UnknownSubjectError
    for a device that is not registered.
    """
    with database.write() as connection:
        device = find_device(connection, device_id)
        before = device_tags.tags_of(connection, [device.id]).get(device.id, ())
        try:
            change = check_retagging(wish, before)
        except InputError as error:
            message = f"device {device_id}: {error}"
            raise InputError(message) from error
        device_tags.put_on(connection, ((device, tag) for tag in change.put_on))
        device_tags.take_off(connection, ((device, tag) for tag in change.take_off))
        after = device_tags.tags_of(connection, [device.id]).get(device.id, ())
        append_audit(
            connection,
            actor=actor,
            action="tag device",
            subject=format_device_id(device.id),
            at=now,
            before={"tags": list(before)},
            after={"tags": list(after)},
        )
    return after
