"""What the hub says without being asked: welcomes to devices registered since, new `safe` marks, and commands.

Ingest asks for them about once a second while it has a session with its broker. None of them is ever the only way: a
device hears the same in the answer to its next block or hello, and a command stays in the outbox until it is answered.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.services.answer_state import draw_receipt, welcome_devices
from hub.services.flush_outbox import flush_outbox
from hub.store import backups, states
from protocol import wire
from protocol.custody.receiver import SafePolicy
from protocol.topics import Channel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from hub.services.accept_blocks import Terms
    from hub.store.database import Database
    from protocol.cose import SigningKey
    from protocol.identity import DeviceId, Epoch
    from protocol.messages import Receipt

    Place = tuple[DeviceId, Epoch]

NOTICES_AT_ONCE = 64
REFUSED_MAX = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    """Sealed bytes for a device's topic."""

    device: DeviceId
    channel: Channel
    raw: bytes


class Notices:
    """Remembers whom to tell what; for one thread."""

    def __init__(self, database: Database, key: SigningKey, terms: Terms) -> None:
        self._database = database
        self._key = key
        self._terms = terms
        self._refused: dict[Place, None] = {}
        self._backups: int | None = None
        self._safe: dict[Place, int] = {}
        self._advanced: dict[Place, None] = {}

    def refuse(self, place: Place) -> None:
        """Remember a stream that was refused because nobody has registered its device."""
        if len(self._refused) < REFUSED_MAX:
            self._refused[place] = None

    def due(self, now: int) -> Iterator[Notice]:
        """Yield what to publish at `now` (UTC ms), a bounded number; raises StoreUnavailableError.

        What was yielded counts as said, also where what would have come after it could not be read.
        """
        for ask in (self._welcome, self._tell_safe):
            for receipt in ask(now):
                yield Notice(receipt.device, Channel.RECEIPT, wire.seal_receipt(receipt, self._key))
        for command in flush_outbox(self._database, now):
            yield Notice(command.device, Channel.COMMAND, command.raw)

    def _welcome(self, now: int) -> list[Receipt]:
        """Return receipts for devices that were refused and have been registered since."""
        if not self._refused:
            return []
        receipts = welcome_devices(self._database, frozenset(self._refused), self._terms, now)
        for place in receipts:
            del self._refused[place]
        return list(receipts.values())

    def _tell_safe(self, now: int) -> list[Receipt]:
        """Return receipts for streams of devices that are there, of which a backup has made more safe since."""
        if self._terms.safe is SafePolicy.COMMIT:
            # Every receipt of a block says it already.
            return []
        with self._database.read() as connection:
            made = backups.count_backups(connection)
            if made != self._backups:
                self._find_advanced(connection, is_first=self._backups is None)
                self._backups = made
            places = list(itertools.islice(self._advanced, NOTICES_AT_ONCE))
            receipts = [draw_receipt(connection, *place, terms=self._terms, nonce=b"", now=now) for place in places]
        for place in places:
            del self._advanced[place]
        return receipts

    def _find_advanced(self, connection: Connection, *, is_first: bool) -> None:
        present = {device for device, state in states.list_states(connection).items() if state.online}
        for streams in states.list_streams(connection).values():
            for stream in streams:
                place = (stream.device, stream.epoch)
                rose = stream.safe > self._safe.get(place, -1)
                if rose and not is_first and stream.device in present:
                    self._advanced[place] = None
                self._safe[place] = stream.safe
