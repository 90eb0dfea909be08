"""The written side of commands: rows, results and what the chain says of them, one transaction with their effect."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge.journal import CommandBook, StoredCommand
from protocol import cose, wire
from protocol.commands import Result, ResultStatus
from protocol.errors import ProtocolError
from protocol.fields import NOTE_MAX
from protocol.messages import CommandEvent

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from edge.journal import Author, Journal
    from protocol.commands import Command, Operation, Order

_log = logging.getLogger(__name__)


class Ledger:
    """Commands in the journal of one author, whose key signs the results; `book` are their tables."""

    def __init__(self, journal: Journal, author: Author) -> None:
        self.book = CommandBook(journal.db)
        self._journal = journal
        self._author = author

    def atomic(self) -> AbstractContextManager[None]:
        """Return a context in which everything is written in one durable commit, or nothing is."""
        return self._journal.atomic()

    def seal_result(self, number: int, status: ResultStatus, detail: str = "") -> bytes:
        """Return the signed result of command `number` under the configuration that is in force now."""
        version = self.book.configuration().version
        result = Result(self._author.device, number, status, shorten(detail), version)
        return wire.seal_result(result, self._author.key)

    def take(self, command: Command, raw: bytes, status: ResultStatus, detail: str = "") -> bytes:
        """Remember a new command with its first result, and return that, signed."""
        result = self.seal_result(command.number, status, detail)
        self.book.take(StoredCommand(command.number, command.id, status, raw, result))
        return result

    def finish(self, number: int, status: ResultStatus, detail: str = "") -> bytes:
        """Remember the final result of a command that was running, and return it, signed."""
        result = self.seal_result(number, status, detail)
        self.book.finish(number, status, result)
        return result

    def state(self, number: int, operation: Operation, outcome: str, note: str = "", config_hash: bytes = b"") -> None:
        """Say in the chain what a command did to measurement."""
        self._journal.state(CommandEvent(number, operation, outcome, config_hash, shorten(note) or None))


def reread(stored: StoredCommand) -> Order | None:
    """Return the order in a command that was believed when it was taken; None if the medium has damaged it since."""
    try:
        return wire.decode_command(cose.open_envelope(stored.raw).payload).order
    except ProtocolError as error:
        _log.error("command %d cannot be read any more: %s", stored.number, error)
        return None


def shorten(sentence: str) -> str:
    """Return the sentence, cut to what fits into a result's detail or a frame's note."""
    return sentence if len(sentence) <= NOTE_MAX else sentence[: NOTE_MAX - 1] + "…"
