"""The start of an agent's log: who signs, what a command left to be done, and which configuration is in force."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.author import load_author
from edge.commands.ledger import Ledger, reread
from edge.commands.rotation import rotate_signing_key
from edge.commands.trial import drop_changes, revert_trial, trial_end
from edge.config import ConfigError, change_config
from edge.journal import open_journal
from edge.keys import KeyFileError, Keyring, settle_keys
from protocol.commands import ResultStatus, RotateSigningKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.clock import Clock
    from edge.config import AgentConfig
    from edge.journal import Author, Journal
    from protocol.messages import Instant

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Log:
    """An open journal, its author, and the configuration in force: the file's with what the hub changed."""

    author: Author
    journal: Journal
    config: AgentConfig


def open_log(base: AgentConfig, author: Author, clock: Clock, steady_ms: int, draw: Callable[[int], bytes]) -> Log:
    """Open the log of the device configured by the file `base`, and finish what commands left to be done at a start.

    `author` is who signs at first, `steady_ms` the steady clock's time, `draw(n)` gives n random bytes. A rotation that
    was ordered happens here, and a trial that ended while no agent ran is reverted. Raises KeyFileError, JournalError.
    """
    journal = _open(base, author, clock, draw)
    try:
        if _rotate_if_ordered(journal, author, base, clock.now()):
            journal.close()
            author = load_author(base.key_path, base.journal_path)
            journal = _open(base, author, clock, draw)
        return Log(author, journal, _find_config(Ledger(journal, author), base, clock.kernel_boot_id, steady_ms))
    except BaseException:
        journal.close()
        raise


def _open(base: AgentConfig, author: Author, clock: Clock, draw: Callable[[int], bytes]) -> Journal:
    """Open the journal as its owner, and let the key files say what it says."""
    journal = open_journal(base.journal_path, author, clock.boot_id, clock.now(), draw, month_copy=base.month_copy)
    try:
        settle_keys(base.key_path, Keyring(author.device, author.key, author.key_history))
    except BaseException:
        journal.close()
        raise
    return journal


def _rotate_if_ordered(journal: Journal, author: Author, base: AgentConfig, now: Instant) -> bool:
    """Return whether another key signs from now on. A rotation that is not possible leaves the key as it was."""
    ledger = Ledger(journal, author)
    for stored in ledger.book.running():
        if isinstance(reread(stored), RotateSigningKey):
            try:
                rotate_signing_key(journal, author, base.key_path, stored, now)
            except KeyFileError as error:
                _log.error("the signing key was not rotated: %s", error)
                ledger.finish(stored.number, ResultStatus.FAILED, str(error))
            else:
                return True
    return False


def _find_config(ledger: Ledger, base: AgentConfig, kernel_boot_id: bytes, steady_ms: int) -> AgentConfig:
    """Return the configuration in force, after going back from what did not prove itself or does not fit any more."""
    in_force = ledger.book.configuration()
    if in_force.is_damaged:
        drop_changes(ledger, base, "the journal cannot be read there any more")
        return base
    trial = in_force.trial
    if trial is not None and (why := trial_end(trial, kernel_boot_id, steady_ms)):
        revert_trial(ledger, base, why)
    try:
        return change_config(base, ledger.book.configuration().changes)
    except ConfigError as error:
        drop_changes(ledger, base, str(error))
        return base
