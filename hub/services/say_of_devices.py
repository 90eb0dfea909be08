"""Say one thing of all devices that match: counted before, confirmed by their number, told once with all their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.fleet.lifecycle import Word, check_said, stage_at
from hub.rules.instants import format_instant
from hub.services.amend_system import check_reason
from hub.services.read_devices import SILENT_AFTER_MS
from hub.store import changes, device_list, device_words, states
from hub.store.audit_log import append_audit
from hub.store.device_words import DeviceWord
from hub.store.facts import Recorded
from protocol.identity import format_device_id

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.fleet.lifecycle import Said
    from hub.store.database import Database
    from hub.store.device_list import DeviceFilter
    from hub.store.registry import Device

DEVICES_MAX = 5_000
"""More at once would hold up what devices send; a narrower filter comes to the same."""
UNCONFIRMED_MAX = 20
"""So many are changed without their number being named, unless they are decommissioned."""


@dataclass(frozen=True, slots=True)
class ManyDevices:
    """Which devices are meant and what is said of them; `number` is how many somebody thinks these are."""

    wanted: DeviceFilter
    said: Said
    number: int | None = None


@dataclass(frozen=True, slots=True)
class SaidOfMany:
    """Of which devices it is said, and of which it cannot be."""

    changed: tuple[Device, ...]
    left: tuple[Device, ...]


def count_matching(connection: Connection, wanted: DeviceFilter, now: int) -> int:
    """Return how many devices match, one more than `DEVICES_MAX` at most."""
    return len(_match(connection, wanted, now))


def say_of_devices(  # noqa: PLR0913 - of which devices what is said, by whom, when and why
    database: Database, asked: ManyDevices, *, actor: str, now: int, reason: str, is_dry_run: bool = False
) -> SaidOfMany:
    """Keep what somebody says of all devices that match at `now` (UTC ms), and return them; a dry run keeps nothing.

    Raises InputError without a reason, for what can be said of none of them, for more than `DEVICES_MAX`, and where
    the number that was named is not how many match.
    """
    recorded = Recorded(actor, now, check_reason(reason))
    if is_dry_run:
        with database.read() as connection:
            return _divide(connection, asked, now)
    with database.write() as connection:
        done = _divide(connection, asked, now)
        _confirm(asked, len(done.changed) + len(done.left))
        for device in done.changed:
            device_words.add_word(connection, DeviceWord(device.id, asked.said, recorded))
        append_audit(
            connection,
            actor=actor,
            action=f"{asked.said.word} devices",
            subject="devices",
            at=now,
            after={
                "filter": asked.wanted.named(),
                "until": None if asked.said.until_at is None else format_instant(asked.said.until_at),
                "devices": [format_device_id(device.id) for device in done.changed],
            },
            reason=recorded.reason,
        )
        changes.announce(connection, [changes.FLEET], now)
    return done


def _match(connection: Connection, wanted: DeviceFilter, now: int) -> tuple[Device, ...]:
    return device_list.list_page(
        connection, wanted, after=None, limit=DEVICES_MAX + 1, silent_before=now - SILENT_AFTER_MS
    )


def _divide(connection: Connection, asked: ManyDevices, now: int) -> SaidOfMany:
    found = _match(connection, asked.wanted, now)
    if len(found) > DEVICES_MAX:
        message = f"more than {DEVICES_MAX:,} devices match: narrow them down, and do it in parts"
        raise InputError(message)
    words = device_words.last_words(connection)
    changed, left, refusal = [], [], "no device matches"
    for device in found:
        stage = stage_at(words.get(device.id), now, is_heard=states.is_heard(connection, device.id))
        try:
            check_said(asked.said, stage, now)
        except InputError as error:
            refusal = str(error)
            left.append(device)
        else:
            changed.append(device)
    if not changed:
        raise InputError(refusal)
    return SaidOfMany(tuple(changed), tuple(left))


def _confirm(asked: ManyDevices, number: int) -> None:
    if asked.number == number:
        return
    if asked.number is None and number <= UNCONFIRMED_MAX and asked.said.word is not Word.RETIRE:
        return
    named = "name their number" if asked.number is None else f"that is not {asked.number:,}"
    message = f"number: {number:,} devices match, {named}; nothing was changed"
    raise InputError(message)
