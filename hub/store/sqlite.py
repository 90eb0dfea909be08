"""SQLite as the hub's engine: the only file with SQL that another engine would not understand.

Every commit is WAL with `synchronous=FULL`. SQLite 3.7.0 to 3.51.2 can lose a commit when a checkpoint on one
connection races with a commit on another (fixed in 3.51.3, https://www.sqlite.org/changes.html), so the serving
process has one writing connection, which alone checkpoints; readers are `query_only`; and every writer, in whatever
process, holds a lock on one file from before its transaction until after its commit and checkpoint.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import URL, Engine, QueuePool, StaticPool, create_engine, event

from hub.clock import monotonic_seconds, pause_seconds
from hub.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_TIMEOUT_MS = 5000
_LOCK_WAIT_SECONDS = 10.0
_LOCK_POLL_SECONDS = 0.005
_READERS_MAX = 8
_READER_WAIT_SECONDS = 10.0
_CACHE_KIB = 16_384
_COMPILED: dict[object, object] = {}
_COPY_PAGES = 4096
_STEPS_BETWEEN_LOOKS = 100_000
"""Steps of SQLite's machine, a few milliseconds."""


def writing_engine(path: Path) -> Engine:
    """Return the engine of the one connection that may write `path`; its transactions begin IMMEDIATE."""
    engine = create_engine(_url(path), poolclass=StaticPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        _run(connection, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON")
        _run(connection, f"PRAGMA cache_size=-{_CACHE_KIB}")

    _begin_with(engine, "BEGIN IMMEDIATE")
    return engine


def reading_engine(path: Path, readers: int = _READERS_MAX) -> Engine:
    """Return an engine whose connections can neither change nor checkpoint `path`; a transaction is one snapshot.

    There are at most `readers` at a time; who waits for one longer than ten seconds gets SQLAlchemy's TimeoutError.
    """
    engine = create_engine(
        _url(path),
        poolclass=QueuePool,
        pool_size=readers,
        max_overflow=0,
        pool_timeout=_READER_WAIT_SECONDS,
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        _run(connection, "PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0")

    _begin_with(engine, "BEGIN")
    return engine


def memory_engine(image: bytes | None) -> tuple[Engine, sqlite3.Connection]:
    """Return the engine of one connection to a database in memory, filled from `image`, and that connection."""
    raw = sqlite3.connect(":memory:", check_same_thread=False)
    if image is not None:
        raw.deserialize(image)
    _run(raw, "PRAGMA foreign_keys=ON")
    # Simulations open hundreds of these: what the statements compile to is kept for all of them.
    plain = create_engine("sqlite://", poolclass=StaticPool, creator=lambda: raw)
    engine = plain.execution_options(compiled_cache=_COMPILED)
    _begin_with(engine, "BEGIN")
    return engine, raw


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path` against every other process; raises StoreUnavailableError after ten seconds."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def hold_alone(path: Path) -> int | None:
    """Lock the file `path` for the life of this process; return its descriptor, or None if another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def copy_snapshot(connection: Connection, path: Path, progress: Callable[[int, int], None]) -> None:
    """Copy the state that a reading `connection` sees to the new file `path`, while others go on writing.

    SQLite's online backup (https://www.sqlite.org/backup.html); the copy needs no second file beside it. `progress` is
    told how many pages of how many are copied. Raises StoreUnavailableError if it cannot be written.
    """
    source = connection.connection.driver_connection
    assert isinstance(source, sqlite3.Connection), "SQLite's own driver connects this engine"
    # The snapshot begins with the first read; without one every foreign commit would start the copy anew.
    connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    try:
        target = sqlite3.connect(path)
        with closing(target):
            source.backup(
                target, pages=_COPY_PAGES, progress=lambda _, left, total: progress(total - left, total), sleep=0.0
            )
            _run(target, "PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        message = f"the copy {path} cannot be written: {error}; free the disk, or choose another"
        raise StoreUnavailableError(message) from error


def copy_engine(path: Path) -> Engine:
    """Return an engine of one connection that reads a copy which nobody writes, and leaves no file beside it."""
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    return create_engine("sqlite://", poolclass=StaticPool, creator=lambda: sqlite3.connect(address, uri=True))


def first_complaint(connection: Connection) -> str:
    """Return what SQLite itself finds wrong with the whole file first; empty if nothing is."""
    (found,) = connection.exec_driver_sql("PRAGMA integrity_check(1)").one()
    if found != "ok":
        return str(found)
    orphan = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    return "" if orphan is None else f"a row of {orphan[0]} refers to a row of {orphan[2]} that is not there"


def quick_complaint(connection: Connection, seconds: float) -> str | None:
    """Return what SQLite finds wrong with the file first, indexes aside; empty if nothing, None if not in time."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection), "SQLite's own driver connects this engine"
    deadline = monotonic_seconds() + seconds
    driver.set_progress_handler(lambda: monotonic_seconds() > deadline, _STEPS_BETWEEN_LOOKS)
    try:
        (found,) = driver.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None
        message = f"the database cannot be checked now: {error}; free the disk or the file and try again"
        raise StoreUnavailableError(message) from error
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        driver.set_progress_handler(None, 0)
    return "" if found == "ok" else str(found)


def library_version(connection: Connection) -> str:
    """Return the version of the SQLite library in use."""
    return str(connection.exec_driver_sql("SELECT sqlite_version()").scalar_one())


def _lock(descriptor: int, path: Path) -> None:
    deadline = monotonic_seconds() + _LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if monotonic_seconds() > deadline:
                message = f"another process has held {path} for ten seconds; try again when it is done"
                raise StoreUnavailableError(message) from error
            pause_seconds(_LOCK_POLL_SECONDS)
        else:
            return


def _url(path: Path) -> URL:
    # Built from parts: in the text of an address a `?` in a folder's name would begin the options.
    return URL.create("sqlite", database=str(path))


def _run(connection: sqlite3.Connection, *statements: str) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    for statement in statements:
        connection.execute(statement)


def _begin_with(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)
