"""What people said of devices: maintained until a day, decommissioned, in service again; the last word counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from hub.fleet.lifecycle import Said, Word
from hub.store.facts import Recorded
from hub.store.fleet_tables import device_word
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True)
class DeviceWord:
    """What was said of a device; by whom, when and why. `number` is its place in all that was ever said."""

    device: DeviceId
    said: Said
    recorded: Recorded
    number: int = 0


def add_word(connection: Connection, word: DeviceWord) -> None:
    """Keep what is said (its `number` is ignored); what was said before stays."""
    connection.execute(
        insert(device_word).values(
            device=word.device,
            word=word.said.word.value,
            until_at=word.said.until_at,
            reason=word.recorded.reason,
            recorded_at=word.recorded.at,
            actor=word.recorded.actor,
        )
    )


def list_words(
    connection: Connection, device: DeviceId, *, before: int | None = None, limit: int | None = None
) -> tuple[DeviceWord, ...]:
    """Return what was ever said of a device, the last first; all of it, or at most `limit` words before a number."""
    table = device_word
    query = select(table).where(table.c.device == device).order_by(table.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.number < before)
    return tuple(map(_word, connection.execute(query)))


def last_words(connection: Connection, devices: Collection[DeviceId] | None = None) -> dict[DeviceId, Said]:
    """Return the last word on each of these devices, or on all; a device that nothing was said of is left out."""
    table = device_word
    newest = select(func.max(table.c.number)).group_by(table.c.device)
    if devices is not None:
        newest = newest.where(table.c.device.in_(list(devices)))
    found = map(_word, connection.execute(select(table).where(table.c.number.in_(newest))))
    return {one.device: one.said for one in found}


def _word(row: Row[tuple[object, ...]]) -> DeviceWord:
    said = Said(Word(row.word), row.until_at)
    return DeviceWord(DeviceId(row.device), said, Recorded(row.actor, row.recorded_at, row.reason), row.number)
