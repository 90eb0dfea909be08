"""Opening the hub's database, and the two ways to use it: `read` a snapshot, `write` one transaction."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DatabaseError, InternalError, OperationalError

from hub.errors import SettingsError, StoreUnavailableError
from hub.store import sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"
SCHEMA_REVISION = "0001"
DATABASE_NAME = "hub.db"
_LOCK_NAME = "hub.lock"


class Database:
    """The hub's database in one folder. Safe to use from several threads; writers take turns."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE_NAME
        self._lock_path = folder / _LOCK_NAME
        self._turn = threading.Lock()
        self._writer = sqlite.writing_engine(self.path)
        self._readers = sqlite.reading_engine(self.path)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one unchanging state; raises StoreUnavailableError like `write`."""
        with _world(self.path), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection whose changes are durable when the block ends, or not made at all.

        Raises StoreUnavailableError when the disk is full, the file locked or gone.
        """
        with self._turn, _world(self.path), sqlite.exclusive(self._lock_path), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close readers first: the writer's last act may be a checkpoint."""
        self._readers.dispose()
        with self._turn, sqlite.exclusive(self._lock_path):
            self._writer.dispose()


def open_database(folder: Path, *, create: bool) -> Database:
    """Open the database in `folder`, made and migrated as needed.

    Raises SettingsError if there is none and `create` is false, if the folder cannot be used, or if a newer hub wrote
    it; StoreUnavailableError if it cannot be written now.
    """
    if not create and not (folder / DATABASE_NAME).exists():
        message = (
            f"{folder} holds no hub database: give the folder of `meter-hub serve --data`, or register a system first"
        )
        raise SettingsError(message)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"the folder {folder} cannot be made: {error.strerror}; choose another with --data"
        raise SettingsError(message) from error
    database = Database(folder)
    try:
        _migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def _migrate(database: Database) -> None:
    with database.write() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found == SCHEMA_REVISION:
            return
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            message = f"{database.path} was written by a newer hub (schema {found}): run that version or a newer one"
            raise SettingsError(message)
        config.attributes["connection"] = connection
        command.upgrade(config, SCHEMA_REVISION)


@contextmanager
def _world(path: Path) -> Iterator[None]:
    try:
        yield
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
