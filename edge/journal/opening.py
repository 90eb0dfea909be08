"""Opening a journal: who owns it, its tables, this boot, the first epoch, and what a crash left behind."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING

from sqlite_utils import Database

from edge.journal.damage import check_journal
from edge.journal.epochs import begin_epoch, find_current_epoch
from edge.journal.errors import JournalDamagedError, JournalError, translated
from edge.journal.log import Journal
from edge.journal.month_copy import MonthCopy
from edge.journal.resealing import Resealing
from edge.journal.salvage import Circumstances, is_pending, salvage, set_aside
from edge.journal.schema import enter_boot, prepare
from protocol.identity import format_device_id
from protocol.messages import FLAG_CRASH_RECOVERY, GenesisReason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.journal.chain_end import Author
    from protocol.identity import BootId
    from protocol.messages import Instant

_log = logging.getLogger(__name__)

LOCK_SUFFIX = ".lock"
MARKER_NAME = "log-begun"
"""A file beside the signing key: this device has begun a log, so a journal that is not there was lost."""


def open_journal(  # noqa: PLR0913 - where, whose, and the circumstances
    path: Path,
    author: Author,
    boot_id: BootId,
    now: Instant,
    draw: Callable[[int], bytes],
    *,
    marker: Path | None = None,
    month_copy: Path | None = None,
) -> Journal:
    """Open the journal at `path` as its only owner, or start one there; see `adopt_journal`. Raises JournalError.

    A damaged journal is set aside and salvaged, see `edge.journal.salvage`: what is readable goes on in a new epoch.
    `marker` is the file that tells a lost journal from one that never was (None: `MARKER_NAME` beside the journal),
    `month_copy` where the second copy of month-edge readings is kept, from which a lost or damaged journal gets them
    back (None: nowhere).
    """
    marker = marker or path.with_name(MARKER_NAME)
    with ExitStack() as stack:
        lock = stack.enter_context(lock_journal(path))
        copy = None if month_copy is None else MonthCopy(month_copy)
        circumstances = Circumstances(author, boot_id, now, draw, copy)
        with translated(f"the journal {path}"):
            journal = _open_sound(path, circumstances, lock, begun_before=marker.exists())
            stack.callback(journal.close)
        journal.month_copy = copy
        _mark(marker)
        stack.pop_all()
    return journal


def _open_sound(path: Path, circumstances: Circumstances, lock: IO[bytes], *, begun_before: bool) -> Journal:
    if is_pending(path):
        salvage(path, circumstances)
    try:
        return _adopt_file(path, circumstances, lock, begun_before=begun_before)
    except JournalDamagedError as damage:
        _log.error("%s", damage)
        set_aside(path, circumstances.now)
        salvage(path, circumstances)
        return _adopt_file(path, circumstances, lock, begun_before=begun_before)


def _adopt_file(path: Path, circumstances: Circumstances, lock: IO[bytes], *, begun_before: bool) -> Journal:
    """Open the file if it shows no damage; raises JournalDamagedError if it does."""
    check_journal(path)
    db = Database(path, execute_plugins=False)
    try:
        with translated(f"the journal {path}"):
            prepare(db)
            # What a power cut left of the last transaction must not lie behind those of today: `damage` looks there.
            db.execute("pragma wal_checkpoint(truncate)")
            whose, when = (circumstances.author, circumstances.boot_id), (circumstances.now, circumstances.draw)
            copy = circumstances.copy
            return adopt_journal(db, *whose, *when, begun_before=begun_before, lock=lock, copy=copy)
    except BaseException:
        db.close()
        raise


def adopt_journal(  # noqa: PLR0913 - where, whose, and the circumstances
    db: Database | sqlite3.Connection,
    author: Author,
    boot_id: BootId,
    now: Instant,
    draw: Callable[[int], bytes],
    *,
    begun_before: bool,
    lock: IO[bytes] | None = None,
    copy: MonthCopy | None = None,
) -> Journal:
    """Return the journal in a database that nobody else uses, made or migrated if need be.

    A new log begins with a sealed genesis block, whose reason is that the log was lost if this device had one before
    (`begun_before`): then the month-edge readings in `copy` are sealed again in it. What a crash left open is sealed
    first, flagged as recovered, so that no block spans two boots. `draw(n)` gives n random bytes for a new epoch.
    Raises JournalError if it is another device's, or a newer agent's.
    """
    if isinstance(db, sqlite3.Connection):
        db = Database(db, execute_plugins=False)
    prepare(db)
    boot = enter_boot(db, boot_id)
    current = find_current_epoch(db)
    if current is None:
        reason = GenesisReason.DATABASE_LOST if begun_before else GenesisReason.INSTALL
        with db.atomic():
            epoch = begin_epoch(db, author, boot, reason=reason, now=now, draw=draw)
            if begun_before and copy is not None:
                # Only a lost log loads what brings it back.
                from edge.journal.restoring import restore_copies  # noqa: PLC0415 - loaded only here

                restore_copies(db, Resealing(db, author, epoch, now), boot, copy.read())
        return Journal(db, author, epoch, boot, lock)
    if current.device != author.device:
        message = (
            f"the journal belongs to device {format_device_id(current.device)}, not to"
            f" {format_device_id(author.device)}: put back that device's key, or start with an empty state directory"
        )
        raise JournalError(message)
    journal = Journal(db, author, current.epoch, boot, lock)
    while journal.seal(now, FLAG_CRASH_RECOVERY) is not None:
        pass
    return journal


def lock_journal(path: Path) -> IO[bytes]:
    """Make this process the journal's only owner, until the file is closed or the process ends."""
    try:
        lock = path.with_suffix(LOCK_SUFFIX).open("wb")
    except OSError as error:
        message = (
            f"the folder of the journal {path} cannot be written to ({error.strerror}): make it with `meter-edge init`"
        )
        raise JournalError(message) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        message = f"another agent is running on the journal {path}: stop it first, one device has one agent"
        raise JournalError(message) from error
    return lock


def _mark(marker: Path) -> None:
    """Leave the mark, durably, that a log was begun; what it says is for people, only that it exists counts."""
    if marker.exists():
        return
    try:
        with marker.open("w", encoding="utf-8") as file:
            file.write("This device has begun a log. If its journal is gone, the next log says that it was lost.\n")
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(marker.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        message = f"the mark {marker} cannot be written ({error.strerror}): make its folder with `meter-edge init`"
        raise JournalError(message) from error
