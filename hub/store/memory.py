"""The hub's database in memory: the same tables and transactions on one connection, and images of it as bytes.

For simulations, where a hub is lost and restored hundreds of times. One thread, one connection: a read must not be
opened inside a write.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hub.store import sqlite
from hub.store.database import Database, migrate, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_NOWHERE = Path(":memory:")


class MemoryDatabase(Database):
    """A `Database` without a file, empty but for its tables or as `image` has it; gone when it is closed."""

    def __init__(self, image: bytes | None = None) -> None:
        self.path = _NOWHERE
        self._engine, self.raw = sqlite.memory_engine(image)
        if image is None:
            with self.write() as connection:
                migrate(connection, self.path)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield the connection, for reading."""
        with world(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield the connection; its changes are made when the block ends, or not at all."""
        with world(self.path), self._engine.begin() as connection:
            yield connection

    def image(self) -> bytes:
        """Return all that is committed, as `MemoryDatabase(image)` takes it."""
        return self.raw.serialize()

    def close(self) -> None:
        """Forget everything."""
        self._engine.dispose()


@functools.cache
def empty_image() -> bytes:
    """Return the image of a database with its tables and nothing in them."""
    database = MemoryDatabase()
    image = database.image()
    database.close()
    return image
