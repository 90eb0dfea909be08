"""The database in memory is the hub's database: same tables, same transactions, and an image that is all of it."""

from __future__ import annotations

import pytest

from hub.store import registry
from hub.store.database import SCHEMA_REVISION
from hub.store.memory import MemoryDatabase, empty_image

TIMELINE = b"12345678"


def test_an_image_holds_what_was_committed() -> None:
    """What one database committed is in another one made from its image, and later changes are not."""
    database = MemoryDatabase()
    with database.write() as connection:
        registry.start_timeline(connection, TIMELINE, 1)
    image = database.image()
    with database.write() as connection:
        registry.renew_timeline(connection, b"87654321", 2)
    database.close()
    copy = MemoryDatabase(image)
    with copy.read() as connection:
        assert registry.find_timeline(connection) == TIMELINE
    copy.close()


def test_what_fails_is_not_there() -> None:
    """A transaction that ends in an exception has changed nothing."""
    database = MemoryDatabase(empty_image())

    def fail() -> None:
        with database.write() as connection:
            registry.start_timeline(connection, TIMELINE, 1)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with database.read() as connection:
        assert registry.find_timeline(connection) is None
    database.close()


def test_an_empty_database_has_the_schema_of_a_served_one() -> None:
    """The tables come from the migrations, not from a second description."""
    database = MemoryDatabase(empty_image())
    assert database.raw.execute("select version_num from alembic_version").fetchall() == [(SCHEMA_REVISION,)]
    assert database.raw.execute("pragma foreign_keys").fetchone() == (1,)
    database.close()
