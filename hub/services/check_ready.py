"""Check whether the hub can do its work now: cheap enough to be asked every few seconds.

Whoever asks need not say who they are, so the sentences name no path, address or version.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from hub.errors import StoreUnavailableError
from hub.services.checks import FREE_BYTES_MIN, Check, Standing
from hub.store.database import SCHEMA_REVISION, schema_revision

if TYPE_CHECKING:
    from hub.store.database import Database


def check_ready(database: Database, *, broker_connected: bool | None) -> tuple[Check, ...]:
    """Return the checks by name; the hub is ready if none of them is bad.

    `broker_connected` is None where the hub takes no blocks from a broker; then there is no check of it.
    """
    checks = [*_check_database(database), _check_disk(database)]
    if broker_connected is not None:
        checks.append(
            _check(
                "broker",
                broker_connected,
                "Blocks can arrive from the broker.",
                "Blocks cannot arrive: see that the broker runs and lets the hub in.",
            )
        )
    return tuple(checks)


def is_ready(checks: tuple[Check, ...]) -> bool:
    """Return whether none of the checks is bad."""
    return all(check.standing is not Standing.BAD for check in checks)


def _check_database(database: Database) -> tuple[Check, ...]:
    try:
        with database.read() as connection:
            found = schema_revision(connection)
    except StoreUnavailableError:
        unread = "The database cannot be read now: see the hub's log for the cause."
        unknown = "Nobody knows which schema it has until the database can be read."
        return Check("database", Standing.BAD, unread), Check("schema", Standing.BAD, unknown)
    return (
        Check("database", Standing.OK, "The database can be read."),
        _check(
            "schema",
            found == SCHEMA_REVISION,
            "The database has the schema of this hub.",
            "The database has another schema than this hub: another version of the hub changed it, start that one.",
        ),
    )


def _check_disk(database: Database) -> Check:
    try:
        free = shutil.disk_usage(database.path.parent).free
    except OSError:
        return Check("disk", Standing.BAD, "The hub's folder is not there: mount its disk again.")
    return _check(
        "disk",
        free >= FREE_BYTES_MIN,
        "The disk has room.",
        "The disk is nearly full, and nothing will be taken once it is: free some of it.",
    )


def _check(name: str, good: bool, ok: str, bad: str) -> Check:  # noqa: FBT001 - the one fact judged
    return Check(name, Standing.OK if good else Standing.BAD, ok if good else bad)
