"""Accounts, what they are to systems and since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, insert, or_, select, update

from hub.rules.permissions import Relation, Role
from hub.store.people_tables import account, relation, relation_end

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody, or a program; instants are UTC ms, `disabled_at` None while it may be used."""

    name: str
    full_name: str
    email: str
    created_at: int
    created_by: str
    disabled_at: int | None = None


@dataclass(frozen=True, slots=True)
class HeldRelation:
    """A relation with its number here."""

    number: int
    relation: Relation


_ROLES = {role.value: role for role in Role}


def add_account(connection: Connection, new: Account) -> None:
    """Keep a new account."""
    connection.execute(
        insert(account).values(
            name=new.name,
            full_name=new.full_name,
            email=new.email,
            created_at=new.created_at,
            created_by=new.created_by,
        )
    )


def find_account(connection: Connection, name: str) -> Account | None:
    """Return the account with this name."""
    row = connection.execute(select(account).where(account.c.name == name)).one_or_none()
    return None if row is None else _account(row)


def set_disabled(connection: Connection, name: str, at: int | None) -> None:
    """Keep since when (UTC ms) an account is disabled, None for one that may be used."""
    connection.execute(update(account).where(account.c.name == name).values(disabled_at=at))


def set_email(connection: Connection, name: str, email: str) -> None:
    """Keep an account's mail address in place of the one before."""
    connection.execute(update(account).where(account.c.name == name).values(email=email))


def find_by_name_or_address(connection: Connection, wanted: str) -> tuple[Account, ...]:
    """Return the account of this name, and those with this mail address, in small letters."""
    query = select(account).where(or_(account.c.name == wanted, func.lower(account.c.email) == wanted))
    return tuple(map(_account, connection.execute(query.order_by(account.c.name)))) if wanted else ()


def list_accounts(
    connection: Connection, *, after: str = "", search: str = "", limit: int | None = None
) -> tuple[Account, ...]:
    """Return accounts by name, those after a name; with `search` those whose name, person or address contains it."""
    table = account
    query = select(table).where(table.c.name > after).order_by(table.c.name).limit(limit)
    if search:
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in _SEARCHED)))
    return tuple(map(_account, connection.execute(query)))


_SEARCHED = (account.c.name, account.c.full_name, account.c.email)


def list_holders(connection: Connection, role: Role, at: int) -> frozenset[str]:
    """Return which accounts have a role for all systems at `at` (UTC ms), at no instant set yet lose it, and are used.

    One that is disabled holds a role, and can do nothing with it.
    """
    query = (
        _relations()
        .join(account, account.c.name == relation.c.account)
        .where(
            relation.c.role == role.value,
            relation.c.system.is_(None),
            relation.c.from_at <= at,
            relation_end.c.until_at.is_(None),
            account.c.disabled_at.is_(None),
        )
    )
    return frozenset(row.account for row in connection.execute(query))


def add_relation(connection: Connection, new: Relation, at: int, actor: str) -> HeldRelation:
    """Keep a relation that somebody gave at `at` (UTC ms)."""
    added = insert(relation).values(
        account=new.account, role=new.role.value, system=new.system, from_at=new.from_at, given_at=at, given_by=actor
    )
    number = connection.execute(added.returning(relation.c.number)).scalar_one()
    return HeldRelation(number, new)


def end_relation(connection: Connection, number: int, until_at: int, at: int, actor: str) -> None:
    """Let a relation end at `until_at` (UTC ms)."""
    connection.execute(insert(relation_end).values(relation=number, until_at=until_at, ended_at=at, ended_by=actor))


def find_relation(connection: Connection, number: int) -> HeldRelation | None:
    """Return the relation with this number."""
    row = connection.execute(_relations().where(relation.c.number == number)).one_or_none()
    return None if row is None else _held(row)


def list_relations(  # noqa: PLR0913 - by what it is narrowed down
    connection: Connection,
    *,
    of_account: str | None = None,
    of_system: str | None = None,
    at: int | None = None,
    after: int = 0,
    limit: int | None = None,
) -> tuple[HeldRelation, ...]:
    """Return every relation there was, of an account or to a system, in the order in which they were given.

    With `at` (UTC ms) those that hold then; those after a number, at most `limit`.
    """
    query = _relations().where(relation.c.number > after).order_by(relation.c.number).limit(limit)
    if at is not None:
        query = query.where(
            relation.c.from_at <= at, or_(relation_end.c.until_at.is_(None), relation_end.c.until_at > at)
        )
    if of_account is not None:
        query = query.where(relation.c.account == of_account)
    if of_system is not None:
        query = query.where(relation.c.system == of_system)
    # By place, not by name: an account may have thousands, which every page of theirs loads.
    return tuple(
        HeldRelation(number, Relation(account, _ROLES[role], system, from_at, until_at))
        for number, account, role, system, from_at, until_at in connection.execute(query)
    )


def list_responsible(connection: Connection, systems: Collection[str], at: int) -> tuple[tuple[Relation, Account], ...]:
    """Return who is related to any of these systems at `at` (UTC ms), or to all there are, by account.

    Accounts that are disabled are left out: nobody reads their mail, and they can report nothing.
    """
    query = (
        _relations()
        .add_columns(account)
        .join(account, account.c.name == relation.c.account)
        .where(
            or_(relation.c.system.in_(list(systems)), relation.c.system.is_(None)),
            account.c.disabled_at.is_(None),
            relation.c.from_at <= at,
            or_(relation_end.c.until_at.is_(None), relation_end.c.until_at > at),
        )
        .order_by(relation.c.system, relation.c.account, relation.c.number)
    )
    return tuple((_held(row).relation, _account(row)) for row in connection.execute(query))


def _relations() -> Select[Any]:
    kept = (relation.c[name] for name in ("number", "account", "role", "system", "from_at"))
    ended = relation_end.c.relation == relation.c.number
    return select(*kept, relation_end.c.until_at).outerjoin(relation_end, ended)


def _held(row: Row[tuple[object, ...]]) -> HeldRelation:
    return HeldRelation(row.number, Relation(row.account, Role(row.role), row.system, row.from_at, row.until_at))


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(row.name, row.full_name, row.email, row.created_at, row.created_by, row.disabled_at)
