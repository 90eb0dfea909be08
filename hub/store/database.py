"""Opening the hub's database, and the two ways to use it: `read` a snapshot, `write` one transaction."""

from __future__ import annotations

import copy
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import column, inspect, select, table
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as NoReaderError

from hub.clock import monotonic_seconds
from hub.errors import SettingsError, StoreUnavailableError, UnderivableError
from hub.files import make_folder
from hub.store import sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from sqlalchemy import Connection, Engine

_MIGRATIONS = Path(__file__).parent / "migrations"
SCHEMA_REVISION = "0039"
_REVISIONS = table("alembic_version", column("version_num"))
"""Where Alembic keeps what it has done."""
DATABASE_NAME = "hub.db"
_LOCK_NAME = "hub.lock"
_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    DataError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
)
"""What storing a value that nobody thought of can raise; a disk or file that refuses is not among them."""


class Database:
    """The hub's database in one folder. Safe to use from several threads; writers take turns."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE_NAME
        self._lock_path = folder / _LOCK_NAME
        self._turn = threading.Lock()
        self._writer = sqlite.writing_engine(self.path)
        self._readers = sqlite.reading_engine(self.path)
        self._readers_beside: list[Engine] = []
        self._on_write: Callable[[float], object] | None = None

    def beside(self) -> Self:
        """Return this database with a reader of its own, for work that must not wait for pages; closed with this."""
        twin = copy.copy(self)
        twin._readers = sqlite.reading_engine(self.path, readers=1)  # noqa: SLF001 - another of this class
        self._readers_beside.append(twin._readers)  # noqa: SLF001
        return twin

    def tell_writes(self, on_write: Callable[[float], object]) -> None:
        """Tell `on_write` of each write from now on, also of those made beside, how many seconds it took."""
        self._on_write = on_write

    def size_bytes(self) -> int:
        """Return how many bytes the database has on its disk, with what waits in its log; 0 where it is not."""
        return sum(path.stat().st_size for path in self.path.parent.glob(f"{self.path.name}*"))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one unchanging state; raises StoreUnavailableError like `write`."""
        with world(self.path), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection whose changes are durable when the block ends, or not made at all.

        Raises StoreUnavailableError when the disk is full, the file locked or gone.
        """
        began = monotonic_seconds()
        with self._turn, world(self.path), sqlite.exclusive(self._lock_path), self._writer.begin() as connection:
            yield connection
        if self._on_write is not None:
            self._on_write(monotonic_seconds() - began)

    def close(self) -> None:
        """Close readers first: the writer's last act may be a checkpoint."""
        for readers in (*self._readers_beside, self._readers):
            readers.dispose()
        with self._turn, sqlite.exclusive(self._lock_path):
            self._writer.dispose()


@contextmanager
def attempt(connection: Connection) -> Iterator[None]:
    """Undo all that the block did, and nothing else of the transaction, if it meets a fault.

    Raises UnderivableError from the fault then; StoreUnavailableError and what else ends the transaction pass through.
    """
    try:
        with connection.begin_nested():
            yield
    except _FAULTS as fault:
        raise UnderivableError(str(fault)) from fault


def open_database(folder: Path, *, create: bool) -> Database:
    """Open the database in `folder`, made and migrated as needed.

    Raises SettingsError if there is none and `create` is false, if the folder cannot be used, or if a newer hub wrote
    it; StoreUnavailableError if it cannot be written now.
    """
    if not create:
        _demand_database(folder)
    try:
        make_folder(folder)
    except OSError as error:
        message = f"the folder {folder} cannot be made: {error.strerror}; choose another with --data"
        raise SettingsError(message) from error
    database = Database(folder)
    try:
        with database.write() as connection:
            migrate(connection, database.path)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def look_into(folder: Path) -> Iterator[Database]:
    """Yield the database in `folder` as it is, to be read only: nothing is made, nothing migrated.

    Raises SettingsError if there is none, StoreUnavailableError at the end if the folder cannot be written.
    """
    _demand_database(folder)
    database = Database(folder)
    try:
        yield database
    finally:
        # Without a hub beside it the last reader checkpoints, like a writer: it too has to be alone.
        with world(database.path), sqlite.exclusive(folder / _LOCK_NAME):
            database._readers.dispose()  # noqa: SLF001 - its own module


def schema_revision(connection: Connection) -> str | None:
    """Return the revision of the schema that is in the database, None before the first migration."""
    if not inspect(connection).has_table(_REVISIONS.name):
        return None
    found: str | None = connection.execute(select(_REVISIONS.c.version_num)).scalar_one_or_none()
    return found


def _demand_database(folder: Path) -> None:
    if not (folder / DATABASE_NAME).exists():
        message = (
            f"{folder} holds no hub database: give the folder of `meter-hub serve --data`, or register a system first"
        )
        raise SettingsError(message)


def migrate(connection: Connection, path: Path) -> None:
    """Bring the database `path` to this hub's schema; raises SettingsError if a newer hub wrote it."""
    found = schema_revision(connection)
    if found == SCHEMA_REVISION:
        return
    from alembic import command  # noqa: PLC0415 - a while of loading, for who migrates
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        message = f"{path} was written by a newer hub (schema {found}): run that version or a newer one"
        raise SettingsError(message)
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA_REVISION)


@contextmanager
def world(path: Path) -> Iterator[None]:
    """Translate what the database `path` answers when it cannot be used now: raises StoreUnavailableError."""
    try:
        yield
    except NoReaderError as error:
        message = f"too many pages wait for the database {path}: try again in a moment"
        raise StoreUnavailableError(message) from error
    except (OperationalError, InternalError) as error:
        message = f"the database {path} cannot be used now: {error.orig}; free the disk or the file and try again"
        raise StoreUnavailableError(message) from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise
        message = f"{path} is not a usable database: {error.orig}; restore it from a backup"
        raise StoreUnavailableError(message) from error
    except OSError as error:
        message = f"the database folder {path.parent} cannot be used now: {error.strerror}"
        raise StoreUnavailableError(message) from error
