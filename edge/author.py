"""Who writes this device's log: its identity and the key that signs now, from key files and journal together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge import __version__
from edge.journal import Author, JournalDamagedError, read_key_statements
from edge.keys import load_keyring

if TYPE_CHECKING:
    from pathlib import Path


def load_author(key_path: Path, journal_path: Path) -> Author:
    """Return the author of the journal at `journal_path`, which need not exist; changes nothing on disk.

    Raises KeyFileError, and JournalError where the journal is there and cannot be read now.
    """
    try:
        committed = read_key_statements(journal_path)
    except JournalDamagedError:
        # The history beside the key was written after each rotation for exactly this case.
        committed = ()
    keyring = load_keyring(key_path, committed)
    return Author(keyring.device, keyring.key, __version__, keyring.history)
