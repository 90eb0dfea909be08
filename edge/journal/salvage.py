"""A damaged journal: set aside whole, and what is readable in it carried into a new one, whose log begins anew.

    journal-corrupt-<number>-<UTC>.db   the damaged file as it was found, with its -wal; this program never deletes it
    journal-salvaged.db                 the new journal while it is being filled; when complete, it takes the name

A salvage that is cut off at any step is done again at the next start, from the file that was set aside.
"""

from __future__ import annotations

import logging
import os
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlite_utils import Database

from edge.journal.epochs import begin_epoch
from edge.journal.errors import translated
from edge.journal.open_records import add_statement
from edge.journal.pages import LOG_SUFFIX, read_rows
from edge.journal.resealing import Resealing
from edge.journal.schema import enter_boot, prepare
from protocol.messages import Gap, GapCause, GenesisReason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.journal.chain_end import Author, Boot
    from edge.journal.month_copy import MonthCopy
    from edge.journal.settling import Rescued
    from protocol.identity import BootId
    from protocol.messages import Instant

_ASIDE = "journal-corrupt-"
_DRAFT = "journal-salvaged.db"
_SUFFIXES = ("", LOG_SUFFIX, "-shm")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Whose journal is salvaged, and when: boot, instant, where n random bytes come from, and the month-edge copy."""

    author: Author
    boot_id: BootId
    now: Instant
    draw: Callable[[int], bytes]
    copy: MonthCopy | None = None


def is_pending(path: Path) -> bool:
    """Return whether a journal was set aside and nothing has taken its place yet."""
    return not path.exists() and _newest_aside(path) is not None


def set_aside(path: Path, now: Instant) -> None:
    """Move a damaged journal away, with its write-ahead log, under a name that counts and says when.

    Nobody may have it open. Raises JournalError if its folder cannot be written.

    The database goes first: a log left without its database does no harm, the other way round it is lost.
    """
    stamp = f"{datetime.fromtimestamp(now.wall_ms // 1000, UTC):%Y%m%dT%H%M%SZ}"
    newest = _newest_aside(path)
    number = 1 if newest is None else _number_of(newest) + 1
    with translated(f"the journal {path}"):
        _move(path, path.with_name(f"{_ASIDE}{number:03}-{stamp}.db"))


def salvage(path: Path, circumstances: Circumstances) -> str:
    """Fill a new journal at `path` from the newest one that was set aside, and return one sentence that says what with.

    Raises OSError, sqlite3.Error where the new one cannot be written.
    """
    aside = _newest_aside(path)
    assert aside is not None, "a journal was set aside"
    _move(path, aside)  # what an earlier, interrupted move left behind
    draft = path.with_name(_DRAFT)
    for suffix in _SUFFIXES:
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    with closing(Database(draft, execute_plugins=False)) as db:
        prepare(db)
        # Until it has the journal's name nothing depends on it: it is synced as a whole.
        db.execute("pragma synchronous = off")
        sentence = _fill(db, aside, circumstances)
        db.execute("pragma wal_checkpoint(truncate)")
    _sync(draft)
    draft.rename(path)
    _sync(path.parent)
    _log.critical("%s", sentence)
    return sentence


def _fill(db: Database, aside: Path, circumstances: Circumstances) -> str:
    """Carry over what can be believed, and begin a new epoch with it; return what came of it."""
    # Only a damaged journal loads what carries it over: a small machine has no memory to spare for it.
    from edge.journal.rescue import Rescue  # noqa: PLC0415 - loaded only here
    from edge.journal.restoring import restore_copies  # noqa: PLC0415 - loaded only here
    from edge.journal.settling import uncovered  # noqa: PLC0415 - loaded only here

    author, now = circumstances.author, circumstances.now
    db.execute("pragma foreign_keys = off")
    with db.atomic():
        rescue = Rescue(db, author)
        for row in read_rows(aside):
            rescue.take(row)
        rescued = rescue.finish()
    db.execute("pragma foreign_keys = on")
    boot = enter_boot(db, circumstances.boot_id)
    with db.atomic():
        epoch = begin_epoch(
            db,
            author,
            boot,
            reason=GenesisReason.DATABASE_LOST,
            now=now,
            draw=circumstances.draw,
            older=uncovered(db),
        )
        copies = () if circumstances.copy is None else circumstances.copy.read()
        restored = restore_copies(db, Resealing(db, author, epoch, now), boot, copies)
        _state_lost_polls(db, boot, rescued, now)
        sentence = _describe(rescued, aside)
        if restored:
            sentence += f"; {restored} month-edge readings came from the second copy"
        db.execute("insert into salvage (at, epoch, note) values (?, ?, ?)", [now.wall_ms, epoch, sentence])
    return sentence


def _state_lost_polls(db: Database, boot: Boot, rescued: Rescued, now: Instant) -> None:
    """State for each meter whose newest polls are lost that it has no readings since the newest one that is there."""
    for meter, read_at in rescued.tails.items():
        if read_at < now.wall_ms:
            add_statement(db, boot.count, Gap(meter, read_at, now.wall_ms, GapCause.DAMAGED))


def _describe(rescued: Rescued, aside: Path) -> str:
    lost = f"lost for good: {rescued.lost}" if rescued.lost else "no block in between is missing"
    if rescued.tails:
        lost += f"; of {len(rescued.tails)} meters the newest polls are lost"
    return (
        f"the journal was damaged and is set aside as {aside.name}: {rescued.blocks} blocks and {rescued.polls} open"
        f" polls were carried into a new epoch; {lost}"
    )


def _newest_aside(path: Path) -> Path | None:
    return max(path.parent.glob(f"{_ASIDE}[0-9]*-*.db"), key=_number_of, default=None)


def _number_of(aside: Path) -> int:
    return int(aside.name.removeprefix(_ASIDE).split("-")[0])


def _move(path: Path, target: Path) -> None:
    for suffix in _SUFFIXES:
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(target.with_name(target.name + suffix))
            _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
