"""Send from an outbox alone: of several programs on one database, one at a time."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hub.store import sqlite
from hub.store.database import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.store.database import Database


@contextmanager
def hold_outbox(database: Database, name: str) -> Iterator[bool]:
    """Yield whether no other program sends from this outbox of the database now, and keep it so.

    Raises StoreUnavailableError.
    """
    with world(database.path):
        held = sqlite.hold_alone(database.path.parent / f"{name}.lock")
    try:
        yield held is not None
    finally:
        if held is not None:
            os.close(held)
