"""The rotation of the signing key: the old key states the new one in the chain, and the files follow the journal."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.commands.ledger import Ledger
from edge.keys import draft_signing_key
from protocol.commands import Operation, ResultStatus
from protocol.key_statement import seal_key_statement
from protocol.messages import KeyEvent

if TYPE_CHECKING:
    from pathlib import Path

    from edge.journal import Author, Journal, StoredCommand
    from protocol.messages import Instant

_log = logging.getLogger(__name__)


def rotate_signing_key(journal: Journal, author: Author, key_path: Path, command: StoredCommand, now: Instant) -> None:
    """Make the drafted key the one that signs: one transaction, after which every block is the new key's.

    The old key seals what is open, and then the key event in a block of its own. Only then may `edge.keys.settle_keys`
    put the draft in the old key's place. Raises KeyFileError if no draft can be made; then nothing has changed.
    """
    draft = draft_signing_key(key_path)
    statement = seal_key_statement(author.device, author.key, draft)
    note = f"key {author.key.key_id.hex()} is followed by {draft.key_id.hex()}"
    successor = Ledger(journal, replace(author, key=draft))
    with journal.atomic():
        while journal.seal(now) is not None:
            pass
        journal.state(KeyEvent(statement))
        successor.state(command.number, Operation.ROTATE_SIGNING_KEY, ResultStatus.DONE, note)
        journal.seal(now)
        successor.book.add_key_statement(statement)
        successor.finish(command.number, ResultStatus.DONE, note)
    _log.info("the signing key was rotated: %s", note)
