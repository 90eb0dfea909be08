"""Read which meters nobody has registered: by the look that the hub takes anyway, and what has happened since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store import ownership

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hub.store.ownership import Stranger

STRANGERS_MAX = 1_000
"""How many unregistered meters are looked at: with more, somebody has begun a fleet and not registered it."""


@dataclass(frozen=True, slots=True)
class StrangersLook:
    """The meters that nobody had registered, those seen last first, among the registers up to `last_register`."""

    strangers: tuple[Stranger, ...] = ()
    last_register: int = 0


def look_for_strangers(connection: Connection) -> StrangersLook:
    """Look at every register."""
    last = ownership.last_register(connection)
    return StrangersLook(ownership.list_strangers(connection, STRANGERS_MAX), last)


def read_strangers(connection: Connection, look: StrangersLook | None, limit: int) -> tuple[Stranger, ...]:
    """Return the first `limit` meters that nobody has registered now, those seen last first.

    Only what was found by the last look, and what was described after it, is asked for again: to go over all registers
    takes as long as there are devices. Without a look it does.
    """
    if look is None:
        return ownership.list_strangers(connection, limit)
    known = {one.device for one in look.strangers}
    found = ownership.list_strangers(connection, None, devices=known)
    newer = ownership.list_strangers(connection, limit, beyond=look.last_register)
    both = (*found, *(one for one in newer if one.device not in known))
    return tuple(sorted(both, key=lambda one: (-one.seen_at, one.device, one.serial)))[:limit]
