"""The journal's tables: made in a new database, brought up to date in an older one."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_utils import Database

from edge.journal.chain_end import Boot, polled_span
from edge.journal.descriptors import mark_stated, remember_descriptor
from edge.journal.errors import JournalError
from protocol import wire
from protocol.errors import ProtocolError
from protocol.identity import Epoch
from protocol.messages import MeterDescriptor

if TYPE_CHECKING:
    from protocol.identity import BootId

SCHEMA_VERSION = 3


def prepare(db: Database) -> None:
    """Set up the connection, and make or migrate the tables in one transaction; raises JournalError if it cannot."""
    db.execute("pragma synchronous = full")
    # A rebuilt table keeps its references only while they are not enforced.
    db.execute("pragma foreign_keys = off")
    db.enable_wal()
    version = db.execute("pragma user_version").fetchone()[0]
    if version not in range(SCHEMA_VERSION + 1):
        message = f"the journal has schema version {version}, and this agent knows {SCHEMA_VERSION}: upgrade it"
        raise JournalError(message)
    if version != SCHEMA_VERSION:
        with db.atomic():
            if version == 0:
                db.executescript(read_script("schema.sql"))
            if version == 1:
                db.executescript(read_script("migrate_1.sql"))
                _read_blocks(db)
            if version in {1, 2}:
                db.executescript(read_script("migrate_2.sql"))
            db.execute(f"pragma user_version = {SCHEMA_VERSION}")
    db.executescript(read_script("commands.sql"))
    db.executescript(read_script("clock.sql"))
    db.execute("pragma foreign_keys = on")


def read_script(name: str) -> str:
    """Return the SQL that makes or migrates tables."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _read_blocks(db: Database) -> None:
    """Note of a log of version 1 what stood in its blocks and open statements only: descriptors, times of polls."""
    for (known,) in db.execute("select distinct descriptor from meter where descriptor is not null").fetchall():
        # Stated, as far as version 1 knew; its frame may be in a block that was released.
        db.execute("insert into descriptor (id, stated_in) select ?, epoch from epoch", [known])
    for epoch, seq in db.execute("select epoch, seq from block order by epoch, seq").fetchall():
        (raw,) = db.execute("select raw from block where epoch = ? and seq = ?", [epoch, seq]).fetchone()
        try:
            block, _ = wire.read_block(raw)
        except ProtocolError:
            # Damaged bytes are dealt with when the hub asks for them.
            continue
        mark_stated(db, Epoch(epoch), block.frames)
        first_at, last_at = polled_span(block.frames)
        db.execute(
            "update block set first_at = ?, last_at = ? where epoch = ? and seq = ?", [first_at, last_at, epoch, seq]
        )
    for n, encoded in db.execute("select n, frame from statement order by n").fetchall():
        frame = wire.decode_frame(encoded)
        if isinstance(frame, MeterDescriptor):
            identity = remember_descriptor(db, frame)
            db.execute("update descriptor set stated_in = null where id = ?", [identity])
            db.execute("delete from statement where n = ?", [n])


def in_memory(image: bytes | None = None) -> Database:
    """Return a database in memory, empty or as in `image` (see `Journal.image`)."""
    connection = sqlite3.connect(":memory:")
    if image is not None:
        connection.deserialize(image)
    return Database(connection, execute_plugins=False)


def enter_boot(db: Database, boot_id: BootId) -> Boot:
    """Return this boot under its number in the log, a new one if the log has not seen it."""
    db.execute(
        "insert into boot (boot_count, boot_id) select coalesce(max(boot_count), 0) + 1, ? from boot"
        " where true on conflict (boot_id) do nothing",
        [boot_id],
    )
    count = db.execute("select boot_count from boot where boot_id = ?", [boot_id]).fetchone()[0]
    return Boot(int(count), boot_id)
