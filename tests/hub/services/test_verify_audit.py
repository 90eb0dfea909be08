"""The audit log is checked whole, however many parts it is read in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.services.verify_audit import STEP, verify_audit
from hub.store.audit_log import PART, append_audit, count_audit
from hub.store.people_tables import audit_entry
from tests.hub.making import NOW

if TYPE_CHECKING:
    from hub.store.database import Database

ENTRIES = 2 * PART + STEP // 2


@pytest.fixture
def filled(database: Database) -> Database:
    """Return a hub whose log has more entries than are read at once, and keeps nobody from changing them."""
    with database.write() as connection:
        for number in range(count_audit(connection) + 1, ENTRIES + 1):
            append_audit(connection, actor="test", action="turn", subject="wheel", at=NOW + number)
        for change in ("update", "delete"):
            connection.exec_driver_sql(f"DROP TRIGGER audit_entry_no_{change}")
    return database


def test_a_log_that_is_whole(filled: Database) -> None:
    """Through its last entry; progress comes to as many entries as there are."""
    steps: list[int] = []
    verified = verify_audit(filled, steps.append)
    assert (verified.entries, verified.broken) == (ENTRIES, None)
    assert (sum(steps), max(steps)) == (ENTRIES, STEP)
    with filled.read() as connection:
        assert count_audit(connection) == ENTRIES


@pytest.mark.parametrize("number", [1, PART, PART + 1, 2 * PART, ENTRIES])
def test_a_changed_entry_is_found_in_any_part(filled: Database, number: int) -> None:
    """The first of a part as well as the last."""
    with filled.write() as connection:
        connection.execute(audit_entry.update().where(audit_entry.c.number == number).values(actor="other"))
    verified = verify_audit(filled)
    assert verified.entries == ENTRIES
    assert verified.broken == f"entry {number} does not say what was sealed: it was changed"


@pytest.mark.parametrize("number", [1, PART, PART + 1, ENTRIES - 1])
def test_a_missing_entry_is_found_in_any_part(filled: Database, number: int) -> None:
    """With who follows whom."""
    with filled.write() as connection:
        connection.execute(audit_entry.delete().where(audit_entry.c.number == number))
    expected = f"entry {number} is missing: entry {number + 1} follows entry {number - 1}"
    assert verify_audit(filled).broken == expected


def test_an_empty_log(filled: Database) -> None:
    """Nothing of it is broken."""
    with filled.write() as connection:
        connection.execute(audit_entry.delete())
    verified = verify_audit(filled)
    assert (verified.entries, verified.head, verified.broken) == (0, "", None)
