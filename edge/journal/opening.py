"""Opening a journal: schema, boot, epoch, and what a crash left behind."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import ExitStack
from importlib import resources
from typing import IO, TYPE_CHECKING

from sqlite_utils import Database

from edge.journal.errors import JournalError
from edge.journal.log import Author, Journal
from protocol import wire
from protocol.identity import BootId, DeviceId, Epoch, format_device_id
from protocol.messages import FLAG_CRASH_RECOVERY, Genesis, GenesisReason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from protocol.messages import Instant

SCHEMA_VERSION = 1
EPOCH_BYTES = 8


def open_journal(path: Path, author: Author, boot_id: BootId, now: Instant, draw: Callable[[int], bytes]) -> Journal:
    """Open the journal at `path`, or start one there; `draw(n)` gives n random bytes for a new epoch.

    A new log begins with a sealed genesis block. What a crash left open is sealed first, flagged as recovered, so that
    no block spans two boots. Raises JournalError.
    """
    with ExitStack() as stack:
        lock = stack.enter_context(_lock(path))
        try:
            db = stack.enter_context(_connect(path))
            boot_count = _enter_boot(db, boot_id)
            epoch = _current_epoch(db, author, path)
            flags = FLAG_CRASH_RECOVERY if epoch else 0
            journal = Journal(db, author, epoch or _start_epoch(db, author, boot_count, now, draw), boot_count, lock)
            while journal.seal(now, flags) is not None:
                pass
        except sqlite3.DatabaseError as error:
            raise JournalError(_explain(path, error)) from error
        stack.pop_all()
    return journal


def _explain(path: Path, error: sqlite3.DatabaseError) -> str:
    if error.sqlite_errorcode in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        remedy = "move it away, with its -wal file, for salvage"
    else:
        remedy = f"check the free space and the owner of {path.parent}; the journal itself is not damaged"
    return f"the journal {path} cannot be opened ({error}): {remedy}"


def _lock(path: Path) -> IO[bytes]:
    """Make this process the journal's only owner, until the file is closed or the process ends."""
    try:
        lock = path.with_suffix(".lock").open("wb")
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


def _connect(path: Path) -> Database:
    db = Database(path, execute_plugins=False)
    try:
        _prepare(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: Database, path: Path) -> None:
    db.execute("pragma synchronous = full")
    db.execute("pragma foreign_keys = on")
    db.enable_wal()
    version = db.execute("pragma user_version").fetchone()[0]
    if version == 0:
        schema = resources.files("edge.journal").joinpath("schema.sql").read_text()
        with db.atomic():
            db.executescript(schema)
            db.execute(f"pragma user_version = {SCHEMA_VERSION}")
    elif version != SCHEMA_VERSION:
        message = f"the journal {path} has schema version {version}; this agent knows {SCHEMA_VERSION}: upgrade it"
        raise JournalError(message)


def _enter_boot(db: Database, boot_id: BootId) -> int:
    db.execute(
        "insert into boot (boot_count, boot_id) select coalesce(max(boot_count), 0) + 1, ? from boot"
        " where true on conflict (boot_id) do nothing",
        [boot_id],
    )
    return int(db.execute("select boot_count from boot where boot_id = ?", [boot_id]).fetchone()[0])


def _current_epoch(db: Database, author: Author, path: Path) -> Epoch | None:
    row = db.execute("select epoch, device from epoch order by rowid desc limit 1").fetchone()
    if row is None:
        return None
    if row[1] != author.device:
        message = (
            f"the journal {path} belongs to device {format_device_id(DeviceId(row[1]))}, not to"
            f" {format_device_id(author.device)}: put back that device's key, or start with an empty state directory"
        )
        raise JournalError(message)
    return Epoch(row[0])


def _start_epoch(db: Database, author: Author, boot_count: int, now: Instant, draw: Callable[[int], bytes]) -> Epoch:
    epoch = Epoch(draw(EPOCH_BYTES))
    genesis = Genesis(GenesisReason.INSTALL, author.key.spki, author.agent_version)
    with db.atomic():
        db.execute(
            "insert into epoch (epoch, device, started_at, head, head_hash, next_record, committed, safe)"
            " values (?, ?, ?, -1, ?, 0, -1, -1)",
            [epoch, author.device, now.wall_ms, bytes(32)],
        )
        db.execute("insert into statement (boot_count, frame) values (?, ?)", [boot_count, wire.encode_frame(genesis)])
    return epoch
