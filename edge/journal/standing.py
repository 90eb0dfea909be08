"""What a look at a journal from outside tells of the agent's life: who owns it, what the hub lacks, what meters are.

Nothing is written and no lock is taken: a look must not keep an agent from starting.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_utils import Database

from edge.journal.descriptors import newest_descriptors
from edge.journal.errors import JournalError
from edge.journal.opening import LOCK_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocol.messages import MeterDescriptor

_LOCKS = Path("/proc/locks")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a log stands beside its summary.

    `last_edge_at` is the newest interval edge with a poll (UTC ms, None before the first). `backlog_blocks` are sealed
    and not committed by the hub, the oldest since `backlog_since`. `receipt` is the hub's latest signed word.
    `descriptors` say what each meter's newest counts mean.
    """

    last_edge_at: int | None
    backlog_blocks: int
    backlog_since: int | None
    receipt: bytes | None
    descriptors: Mapping[int, MeterDescriptor]


def read_standing(path: Path) -> Standing:
    """Return how the current epoch of the journal at `path` stands; raises JournalError if it cannot be read."""
    try:
        with closing(Database(path, execute_plugins=False)) as db:
            db.execute("pragma query_only = on")
            (last_edge_at,) = db.execute("select max(edge_at) from meter").fetchone()
            blocks, since = db.execute(_BACKLOG).fetchone()
            (receipt,) = db.execute("select receipt from epoch order by n desc limit 1").fetchone() or (None,)
            descriptors = newest_descriptors(db)
    except sqlite3.DatabaseError as error:
        message = f"the journal {path} cannot be read: {error}"
        raise JournalError(message) from error
    return Standing(last_edge_at, blocks, since, receipt, descriptors)


def is_owned(path: Path) -> bool:
    """Return whether an agent holds the journal at `path`, as the kernel lists its lock in proc_locks(5)."""
    try:
        inode = path.with_suffix(LOCK_SUFFIX).stat().st_ino
        locks = _LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    held = {line.split()[5].rpartition(":")[2] for line in locks if line.split()[1] == "FLOCK"}
    return str(inode) in held


_BACKLOG = """
select count(*), min(coalesce(block.first_at, block.sealed_at))
from block join epoch on epoch.epoch = block.epoch
where epoch.n = (select max(n) from epoch) and block.seq > epoch.committed
"""
