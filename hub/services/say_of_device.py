"""Say of a device that it is under maintenance, decommissioned, or in service again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.fleet.lifecycle import Said, Stage, check_said, stage_at
from hub.rules.instants import format_instant
from hub.services.amend_system import check_reason
from hub.services.find_device import find_device
from hub.store import changes, device_words, states
from hub.store.audit_log import append_audit
from hub.store.device_words import DeviceWord
from hub.store.facts import Recorded
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.database import Database
    from hub.store.registry import Device
    from protocol.identity import DeviceId


@dataclass(frozen=True, slots=True)
class Staged:
    """A device and the stage it is at; `until_at` (UTC ms) is the end of its maintenance, None where it has none."""

    device: Device
    stage: Stage
    until_at: int | None


def say_of_device(  # noqa: PLR0913 - of which device what is said, by whom, when and why
    database: Database, device_id: str, said: Said, *, actor: str, now: int, reason: str
) -> Staged:
    """Keep what somebody says of a device at `now` (UTC ms), and return the stage it has from then on.

    Raises InputError without a reason, for what is no device id, and for what cannot be said of it now;
    UnknownSubjectError for a device that is not registered.
    """
    with database.write() as connection:
        device = find_device(connection, device_id)
        before = _look(connection, device.id, now)
        try:
            check_said(said, before[0], now)
        except InputError as error:
            message = f"device {device_id}: {error}"
            raise InputError(message) from error
        recorded = Recorded(actor, now, check_reason(reason))
        device_words.add_word(connection, DeviceWord(device.id, said, recorded))
        after = _look(connection, device.id, now)
        append_audit(
            connection,
            actor=actor,
            action=f"{said.word} device",
            subject=format_device_id(device.id),
            at=now,
            before=_told(*before),
            after=_told(*after),
            reason=recorded.reason,
        )
        changes.announce(connection, [changes.FLEET], now)
    return Staged(device, *after)


def _look(connection: Connection, device: DeviceId, now: int) -> tuple[Stage, int | None]:
    said = device_words.last_words(connection, [device]).get(device)
    stage = stage_at(said, now, is_heard=states.is_heard(connection, device))
    return stage, said.until_at if said is not None and stage is Stage.MAINTENANCE else None


def _told(stage: Stage, until_at: int | None) -> dict[str, str]:
    until = {} if until_at is None else {"until": format_instant(until_at)}
    return {"stage": stage.value, **until}
