"""Passwords, second factors, sessions, links and failures of signing in, as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from hub.store.sign_in_tables import (
    account_password,
    password_link,
    recovery_code,
    second_factor,
    sign_in_failure,
    web_session,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection, Row


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor: `confirmed_at` (UTC ms) None until a code proved it; `last_step` is that of the last code."""

    account: str
    secret: bytes
    confirmed_at: int | None
    last_step: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a browser under its number; times are UTC ms, `ended_at` None while nobody ended it."""

    number: int
    account: str
    is_confirmed: bool
    begun_at: int
    seen_at: int
    ended_at: int | None
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class Failures:
    """How often signing in failed since some time, and when first and last (UTC ms)."""

    count: int
    oldest_at: int
    last_at: int


def find_password(connection: Connection, account: str) -> str | None:
    """Return what is kept of an account's password."""
    table = account_password
    query = select(table.c.hash).where(table.c.account == account).order_by(table.c.number.desc()).limit(1)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def add_password(connection: Connection, account: str, kept: str, at: int) -> None:
    """Keep an account's new password, as its hash."""
    connection.execute(insert(account_password).values(account=account, hash=kept, set_at=at))


def find_factor(connection: Connection, account: str) -> Factor | None:
    """Return an account's second factor."""
    table = second_factor
    row = connection.execute(select(table).where(table.c.account == account)).one_or_none()
    return None if row is None else Factor(row.account, row.secret, row.confirmed_at, row.last_step)


def save_factor(connection: Connection, factor: Factor, at: int) -> None:
    """Keep an account's second factor in place of the one before."""
    connection.execute(delete(second_factor).where(second_factor.c.account == factor.account))
    connection.execute(
        insert(second_factor).values(
            account=factor.account,
            secret=factor.secret,
            made_at=at,
            confirmed_at=factor.confirmed_at,
            last_step=factor.last_step,
        )
    )


def delete_factor(connection: Connection, account: str) -> None:
    """Take an account's second factor and its recovery codes away."""
    connection.execute(delete(second_factor).where(second_factor.c.account == account))
    connection.execute(delete(recovery_code).where(recovery_code.c.account == account))


def save_recovery_codes(connection: Connection, account: str, hashes: Iterable[str]) -> None:
    """Keep the hashes of new recovery codes in place of all before."""
    connection.execute(delete(recovery_code).where(recovery_code.c.account == account))
    connection.execute(insert(recovery_code), [{"sha256": one, "account": account} for one in hashes])


def use_recovery_code(connection: Connection, account: str, sha256: str, at: int) -> bool:
    """Use a recovery code up, and return whether it was one of the account's that was not used before."""
    table = recovery_code
    used = update(table).where(table.c.sha256 == sha256, table.c.account == account, table.c.used_at.is_(None))
    return connection.execute(used.values(used_at=at)).rowcount == 1


def add_session(connection: Connection, sha256: str, new: Session) -> None:
    """Keep a session that begins."""
    connection.execute(
        insert(web_session).values(
            sha256=sha256,
            account=new.account,
            is_confirmed=int(new.is_confirmed),
            begun_at=new.begun_at,
            seen_at=new.seen_at,
            address=new.address,
            agent=new.agent,
        )
    )


def find_session(connection: Connection, sha256: str) -> Session | None:
    """Return the session of a token's hash, also one that has ended."""
    row = connection.execute(select(web_session).where(web_session.c.sha256 == sha256)).one_or_none()
    return None if row is None else _session(row)


def list_sessions(
    connection: Connection, account: str, *, before: int | None = None, limit: int | None = None
) -> tuple[Session, ...]:
    """Return an account's sessions that nobody ended, the latest first; all, or at most `limit` before a number."""
    table = web_session
    query = select(table).where(table.c.account == account, table.c.ended_at.is_(None)).order_by(table.c.number.desc())
    query = query.limit(limit)
    if before is not None:
        query = query.where(table.c.number < before)
    return tuple(map(_session, connection.execute(query)))


def touch_session(connection: Connection, number: int, at: int) -> None:
    """Keep that a session was used."""
    connection.execute(update(web_session).where(web_session.c.number == number).values(seen_at=at))


def end_session(connection: Connection, number: int, at: int) -> None:
    """End a session."""
    ending = update(web_session).where(web_session.c.number == number, web_session.c.ended_at.is_(None))
    connection.execute(ending.values(ended_at=at))


def end_sessions(connection: Connection, account: str, at: int, *, but: int | None = None) -> int:
    """End every session of an account, but for the one with the number `but`, and return how many these were."""
    table = web_session
    ending = update(table).where(table.c.account == account, table.c.ended_at.is_(None), table.c.number.is_not(but))
    return connection.execute(ending.values(ended_at=at)).rowcount


def add_link(connection: Connection, sha256: str, account: str, at: int, expires_at: int) -> None:
    """Keep a link by which an account's password is set; those before it are used up."""
    table = password_link
    void_links(connection, account, at)
    connection.execute(insert(table).values(sha256=sha256, account=account, made_at=at, expires_at=expires_at))


def void_links(connection: Connection, account: str, at: int) -> None:
    """Use every link of an account up."""
    table = password_link
    connection.execute(update(table).where(table.c.account == account, table.c.used_at.is_(None)).values(used_at=at))


def find_link(connection: Connection, sha256: str, at: int) -> str | None:
    """Return whose link this is, None if it is nobody's, was used, or has expired by `at` (UTC ms)."""
    table = password_link
    query = select(table.c.account).where(table.c.sha256 == sha256, table.c.used_at.is_(None), table.c.expires_at > at)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def use_link(connection: Connection, sha256: str, at: int) -> None:
    """Use a link up."""
    connection.execute(update(password_link).where(password_link.c.sha256 == sha256).values(used_at=at))


def add_failure(connection: Connection, account: str, address: str, at: int, forget_before: int) -> None:
    """Keep that signing in failed, and forget what is too old to matter."""
    connection.execute(insert(sign_in_failure).values(account=account, address=address, failed_at=at))
    connection.execute(delete(sign_in_failure).where(sign_in_failure.c.failed_at < forget_before))


def forget_failures(connection: Connection, account: str) -> None:
    """Forget an account's failures, because signing in succeeded."""
    connection.execute(delete(sign_in_failure).where(sign_in_failure.c.account == account))


def count_failures(connection: Connection, *, account: str = "", address: str = "", since: int) -> Failures:
    """Return how often signing in failed since an instant (UTC ms), as an account or from an address."""
    table = sign_in_failure
    wanted: ColumnElement[bool] = table.c.account == account if account else table.c.address == address
    query = select(func.count(), func.min(table.c.failed_at), func.max(table.c.failed_at)).where(
        wanted, table.c.failed_at >= since
    )
    count, oldest, last = connection.execute(query).one()
    return Failures(count, oldest or 0, last or 0)


def _session(row: Row[tuple[object, ...]]) -> Session:
    return Session(
        number=row.number,
        account=row.account,
        is_confirmed=bool(row.is_confirmed),
        begun_at=row.begun_at,
        seen_at=row.seen_at,
        ended_at=row.ended_at,
        address=row.address,
        agent=row.agent,
    )
