"""Tokens by which programs speak for accounts: kept as their hashes, each with what it is for and when it was used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from hub.rules.permissions import Action
from hub.store.people_tables import api_token

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

TOKEN_ID_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Token:
    """A program's token by its hash; `scope` is what it is for, None: all that the account may. Instants are UTC ms."""

    sha256: str
    account: str
    issued_at: int
    expires_at: int
    scope: frozenset[Action] | None = None
    label: str = ""
    used_at: int | None = None
    ended_at: int | None = None

    @property
    def id(self) -> str:
        """What people call it: the beginning of its hash, from which nobody gets the token."""
        return self.sha256[:TOKEN_ID_LENGTH]


def add_token(connection: Connection, new: Token) -> None:
    """Keep a token by its hash."""
    connection.execute(
        insert(api_token).values(
            sha256=new.sha256,
            account=new.account,
            issued_at=new.issued_at,
            expires_at=new.expires_at,
            scope="" if new.scope is None else " ".join(sorted(new.scope)),
            label=new.label,
        )
    )


def find_token(connection: Connection, sha256: str, at: int) -> Token | None:
    """Return the token with this hash, None if it is nobody's, has expired by `at` (UTC ms) or was taken back."""
    table = api_token
    query = select(table).where(table.c.sha256 == sha256, table.c.expires_at > at, table.c.ended_at.is_(None))
    row = connection.execute(query).one_or_none()
    return None if row is None else _token(row)


def list_tokens(connection: Connection, name: str) -> tuple[Token, ...]:
    """Return the tokens of an account, the latest first."""
    query = select(api_token).where(api_token.c.account == name)
    return tuple(map(_token, connection.execute(query.order_by(api_token.c.issued_at.desc(), api_token.c.sha256))))


def touch_token(connection: Connection, sha256: str, at: int) -> None:
    """Keep that a token was used at `at` (UTC ms)."""
    connection.execute(update(api_token).where(api_token.c.sha256 == sha256).values(used_at=at))


def end_tokens(connection: Connection, name: str, at: int) -> int:
    """Keep that all tokens of an account were taken back at `at` (UTC ms), and return how many could be used then."""
    table = api_token
    ending = update(table).where(table.c.account == name, table.c.ended_at.is_(None), table.c.expires_at > at)
    return connection.execute(ending.values(ended_at=at)).rowcount


def end_token(connection: Connection, sha256: str, at: int) -> None:
    """Keep that a token was taken back at `at` (UTC ms)."""
    connection.execute(update(api_token).where(api_token.c.sha256 == sha256).values(ended_at=at))


def _token(row: Row[tuple[object, ...]]) -> Token:
    scope = frozenset(Action(one) for one in row.scope.split()) if row.scope else None
    return Token(*(row.sha256, row.account, row.issued_at, row.expires_at, scope, row.label, row.used_at, row.ended_at))
