"""Who is who elsewhere: identities of another house that are linked with accounts here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from hub.store.sign_in_tables import linked_identity

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """An identity at an issuer, the account here that it is, and since when (UTC ms)."""

    issuer: str
    subject: str
    account: str
    linked_at: int


def add_identity(connection: Connection, new: LinkedIdentity) -> None:
    """Keep that an identity is an account."""
    values = {"issuer": new.issuer, "subject": new.subject, "account": new.account, "linked_at": new.linked_at}
    connection.execute(insert(linked_identity).values(values))


def find_identity(connection: Connection, issuer: str, subject: str) -> LinkedIdentity | None:
    """Return the link of an identity."""
    table = linked_identity
    row = connection.execute(select(table).where(table.c.issuer == issuer, table.c.subject == subject)).one_or_none()
    return None if row is None else LinkedIdentity(row.issuer, row.subject, row.account, row.linked_at)


def list_identities(connection: Connection, account: str) -> tuple[LinkedIdentity, ...]:
    """Return the identities of an account, the earliest link first."""
    table = linked_identity
    rows = connection.execute(select(table).where(table.c.account == account).order_by(table.c.linked_at))
    return tuple(LinkedIdentity(row.issuer, row.subject, row.account, row.linked_at) for row in rows)


def drop_identities(connection: Connection, account: str) -> None:
    """Forget the identities of an account."""
    connection.execute(delete(linked_identity).where(linked_identity.c.account == account))
