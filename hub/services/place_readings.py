"""Place readings taken before their device's clock was set, as soon as the same boot is known to have found the time.

The word may come before the readings or after them, in the same block or years of outage later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from hub.rules.placing import is_doubtful, synchronised_offset
from hub.store import boot_clocks
from protocol.messages import Readings

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from hub.store.boot_clocks import Boot, Span
    from protocol.messages import ClockEvent

REMEMBERED_MAX = 65_536

_REMEMBERED: WeakKeyDictionary[Engine, dict[Boot, int]] = WeakKeyDictionary()
"""What committed rows say, by database: they never change."""


class Placer:
    """What some blocks say of their boots' clocks: `see` each frame, `learn`, store the readings, `place`.

    `learnt` are the boots whose clock the same transaction has stored: it may be undone yet.
    """

    def __init__(self, connection: Connection, learnt: set[Boot]) -> None:
        self._connection = connection
        self._learnt_before = learnt
        self._remembered = _REMEMBERED.setdefault(connection.engine, {})
        self._offsets: dict[Boot, int] = {}
        self._doubtful: dict[Boot, Span] = {}
        self._learnt: frozenset[Boot] = frozenset()

    def see(self, boot: Boot, frame: Readings | ClockEvent) -> None:
        """Take note of what a frame of this boot says of its clock."""
        if boot not in self._remembered and boot not in self._offsets:
            offset_ms = synchronised_offset(frame)
            if offset_ms is not None:
                self._offsets[boot] = offset_ms
        if isinstance(frame, Readings) and is_doubtful(min(frame.quality)):
            first_at, last_at = min(frame.read_at), max(frame.read_at)
            known = self._doubtful.get(boot, (first_at, last_at))
            self._doubtful[boot] = min(first_at, known[0]), max(last_at, known[1])

    def learn(self) -> None:
        """Keep what boots found that were not known to have found it; before their readings are stored."""
        asked = {boot for boot in {*self._offsets, *self._doubtful} if boot not in self._remembered}
        found = boot_clocks.find_clocks(self._connection, asked) if asked else {}
        new = {boot: offset_ms for boot, offset_ms in self._offsets.items() if boot in asked and boot not in found}
        boot_clocks.add_clocks(self._connection, new)
        if len(self._remembered) + len(found) > REMEMBERED_MAX:
            self._remembered.clear()
        self._remembered |= {boot: found[boot] for boot in found.keys() - self._learnt_before}
        self._learnt_before |= new.keys()
        self._learnt = frozenset(new)
        self._offsets |= found

    def place(self) -> frozenset[int]:
        """Place what can be placed now, of these blocks and of earlier ones, and return the registers concerned."""
        registers: frozenset[int] = frozenset()
        for boot in {*self._learnt, *self._doubtful}:
            offset_ms = self._offsets.get(boot, self._remembered.get(boot))
            if offset_ms is not None:
                span = None if boot in self._learnt else self._doubtful[boot]
                registers |= boot_clocks.place_readings(self._connection, boot, offset_ms, span)
        return registers
