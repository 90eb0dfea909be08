"""Answers of the API to requests that carry a key of their own, so that the same request sent again does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from hub.store.people_tables import api_answer

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A request by its caller and key, what it asked (`fingerprint`), and what was answered: None while it is asked."""

    caller: str
    key: str
    fingerprint: str
    begun_at: int
    sealed: bytes | None


def find_answer(connection: Connection, caller: str, key: str) -> KeptAnswer | None:
    """Return what is kept of a request."""
    table = api_answer
    row = connection.execute(select(table).where(table.c.caller == caller, table.c.key == key)).one_or_none()
    return None if row is None else KeptAnswer(row.caller, row.key, row.fingerprint, row.begun_at, row.sealed)


def begin_answer(connection: Connection, begun: KeptAnswer) -> None:
    """Keep that a request is being answered."""
    connection.execute(
        insert(api_answer).values(
            caller=begun.caller, key=begun.key, fingerprint=begun.fingerprint, begun_at=begun.begun_at, sealed=None
        )
    )


def save_answer(connection: Connection, caller: str, key: str, sealed: bytes) -> None:
    """Keep what was answered."""
    table = api_answer
    connection.execute(update(table).where(table.c.caller == caller, table.c.key == key).values(sealed=sealed))


def drop_answer(connection: Connection, caller: str, key: str) -> None:
    """Forget a request that may be made again."""
    connection.execute(delete(api_answer).where(api_answer.c.caller == caller, api_answer.c.key == key))


def drop_before(connection: Connection, at: int) -> None:
    """Forget the requests that began before an instant (UTC ms)."""
    connection.execute(delete(api_answer).where(api_answer.c.begun_at < at))
