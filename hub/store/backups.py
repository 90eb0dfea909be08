"""Backups: which were verified, what was restored from one, and reading a copy of the database back."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.exc import DatabaseError

from hub.errors import BackupError
from hub.store import custody, schema, sqlite
from protocol.custody import receiver
from protocol.identity import BlockHash, DeviceId, Epoch
from protocol.messages import ReceiptCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from protocol.custody.receiver import Stream

_ROWS_AT_ONCE = 256
"""How many blocks are in memory at a time while a copy is read back; each has at most 64 KiB."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A verified backup of this database: its snapshot is of `made_at`, it was read back at `verified_at` (UTC ms)."""

    made_at: int
    verified_at: int
    path: str
    timeline: bytes
    blocks: int
    readings: int


@dataclass(frozen=True, slots=True)
class Restore:
    """A new life of this database: restored at `restored_at` from a backup of `made_at` (UTC ms)."""

    restored_at: int
    path: str
    made_at: int
    timeline_before: bytes
    timeline: bytes


@dataclass(frozen=True, slots=True)
class Drill:
    """A restore that was drilled at `drilled_at` from a backup of `made_at` (UTC ms), and what it came to hold."""

    drilled_at: int
    path: str
    made_at: int
    blocks: int
    readings: int


class StoredBytes(NamedTuple):
    """The bytes of one block with the hash they were stored under; `seq` is their place in the stream."""

    stream: int
    seq: int
    hash: BlockHash
    raw: bytes


def add_backup(connection: Connection, backup: Backup) -> None:
    """Keep that a backup was verified."""
    connection.execute(
        insert(schema.backup).values(
            made_at=backup.made_at,
            verified_at=backup.verified_at,
            path=backup.path,
            timeline=backup.timeline,
            blocks=backup.blocks,
            readings=backup.readings,
        )
    )


def latest_backup(connection: Connection) -> Backup | None:
    """Return the backup that was verified last, or None before the first."""
    table = schema.backup
    row = connection.execute(select(table).order_by(table.c.number.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return Backup(
        made_at=row.made_at,
        verified_at=row.verified_at,
        path=row.path,
        timeline=row.timeline,
        blocks=row.blocks,
        readings=row.readings,
    )


def count_backups(connection: Connection) -> int:
    """Return how many backups were verified: a number that grows with each."""
    return int(connection.execute(select(func.coalesce(func.max(schema.backup.c.number), 0))).scalar_one())


def add_restore(connection: Connection, restore: Restore) -> None:
    """Keep that this database began a new life."""
    connection.execute(
        insert(schema.restore).values(
            restored_at=restore.restored_at,
            path=restore.path,
            made_at=restore.made_at,
            timeline_before=restore.timeline_before,
            timeline=restore.timeline,
        )
    )


def add_drill(connection: Connection, drill: Drill) -> None:
    """Keep that a restore was drilled and went well."""
    connection.execute(
        insert(schema.restore_drill).values(
            drilled_at=drill.drilled_at,
            path=drill.path,
            made_at=drill.made_at,
            blocks=drill.blocks,
            readings=drill.readings,
        )
    )


def latest_drill(connection: Connection) -> Drill | None:
    """Return the drill that was the last, or None before the first."""
    table = schema.restore_drill
    row = connection.execute(select(table).order_by(table.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else Drill(row.drilled_at, row.path, row.made_at, row.blocks, row.readings)


@contextmanager
def open_copy(path: Path) -> Iterator[Connection]:
    """Yield a connection to a copy that nobody writes; raises BackupError where it cannot be read."""
    engine = sqlite.copy_engine(path)
    try:
        with engine.begin() as connection:
            yield connection
    except DatabaseError as error:
        message = f"the copy {path} cannot be read back: {error.orig}; make another on a sound disk"
        raise BackupError(message) from error
    finally:
        engine.dispose()


def walk_blocks(connection: Connection) -> Iterator[StoredBytes]:
    """Yield every block in its slot, stream by stream in order of seq."""
    table = schema.block
    query = select(table.c.stream_id, table.c.seq, table.c.sha256, table.c.bytes).order_by(
        table.c.stream_id, table.c.seq
    )
    for row in connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        yield StoredBytes(row.stream_id, row.seq, BlockHash(row.sha256), row.bytes)


def walk_aside(connection: Connection) -> Iterator[StoredBytes]:
    """Yield every block that is kept aside."""
    table = schema.block_aside
    query = select(table.c.stream_id, table.c.seq, table.c.sha256, table.c.bytes)
    for row in connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        yield StoredBytes(row.stream_id, row.seq, BlockHash(row.sha256), row.bytes)


class Counts(NamedTuple):
    """How many rows a database holds of what it has taken custody of, and of what follows from it."""

    blocks: int
    aside: int
    registers: int
    readings: int


def count_rows(connection: Connection) -> Counts:
    """Return how many blocks, blocks aside, registers and readings there are."""
    tables = (schema.block, schema.block_aside, schema.register, schema.reading)
    return Counts(*(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables))


def held_streams(connection: Connection) -> dict[int, Stream]:
    """Return every stream by its key here, flagged with the lowest doubtful block: that is where safety ends."""
    found: dict[int, Stream] = {}
    for row in connection.execute(select(schema.stream.c.device, schema.stream.c.epoch)).all():
        held = custody.find_stream(connection, DeviceId(row.device), Epoch(row.epoch))
        assert held is not None, "it has just been listed"
        # A code that a person set, or a fork, says nothing of the bytes.
        plain = replace(held.stream, code=ReceiptCode.OK, code_seq=-1)
        doubtful = custody.lowest_doubtful(connection, held.id)
        found[held.id] = receiver.flagged(plain, fork_seq=None, bad_seq=doubtful)
    return found
