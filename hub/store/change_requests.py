"""Change requests and what was done with them, and which data acquisition providers are approved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, func, insert, or_, select

from hub.rules.change_requests import ChangeStep, ChangeWish, state_at
from hub.rules.permissions import Role
from hub.store.people_tables import change_request, change_step, provider_approval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection, Row

    from hub.rules.change_requests import ChangeState

_WISH = tuple(ChangeWish.__slots__)
_ENDING = (ChangeStep.REJECT.value, ChangeStep.DECLINE.value, ChangeStep.WITHDRAW.value)


@dataclass(frozen=True, slots=True)
class TakenStep:
    """What somebody did with a request at `taken_at` (UTC ms), and what they said.

    An approval names the account that it came to be, and from when it counts (UTC ms).
    """

    step: ChangeStep
    taken_at: int
    taken_by: str
    said: str = ""
    evidence: str = ""
    account: str = ""
    counts_from: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A request under its number, with its reason and every step so far in order."""

    number: int
    wish: ChangeWish
    reason: str
    requested_by: str
    requested_at: int
    steps: tuple[TakenStep, ...] = ()

    def state(self, at: int) -> ChangeState:
        """Return how far it has come at `at` (UTC ms)."""
        return state_at(self.wish, (one.step for one in self.steps), self.counts_from, at)

    @property
    def counts_from(self) -> int | None:
        """Return from when it counts (UTC ms), None before it is approved."""
        return next((one.counts_from for one in self.steps if one.counts_from is not None), None)


def add_request(connection: Connection, new: ChangeRequest) -> ChangeRequest:
    """Keep a request that nothing was done with yet, and return it under its number."""
    values = {name: getattr(new.wish, name) for name in _WISH}
    asked = {"reason": new.reason, "requested_by": new.requested_by, "requested_at": new.requested_at}
    added = insert(change_request).values(values | asked)
    number = connection.execute(added.returning(change_request.c.number)).scalar_one()
    return ChangeRequest(number, new.wish, new.reason, new.requested_by, new.requested_at)


def add_step(connection: Connection, number: int, taken: TakenStep) -> None:
    """Keep what was done with a request."""
    values = {name: getattr(taken, name) for name in TakenStep.__slots__}
    connection.execute(insert(change_step).values(values | {"request": number}))


def find_request(connection: Connection, number: int) -> ChangeRequest | None:
    """Return the request with this number."""
    rows = connection.execute(select(change_request).where(change_request.c.number == number)).all()
    return next(iter(_complete(connection, rows)), None)


def list_requests(  # noqa: PLR0913 - four filters of one list
    connection: Connection,
    *,
    system: str | None = None,
    account: str | None = None,
    in_progress_at: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> tuple[ChangeRequest, ...]:
    """Return requests by number: of a system, or that name or come from an account, or in progress at an instant.

    `after` and `limit` page through them.
    """
    query = select(change_request).where(change_request.c.number > after).order_by(change_request.c.number)
    if system is not None:
        query = query.where(change_request.c.system == system)
    if account is not None:
        query = query.where(or_(change_request.c.account == account, change_request.c.requested_by == account))
    if in_progress_at is not None:
        query = query.where(~_has_ended(in_progress_at))
    return _complete(connection, connection.execute(query.limit(limit)).all())


def say_approved(  # noqa: PLR0913 - who said what of whom, when and why
    connection: Connection, account: str, *, is_approved: bool, at: int, actor: str, reason: str
) -> None:
    """Keep whether an account may be chosen as a data acquisition provider from now on."""
    connection.execute(
        insert(provider_approval).values(
            account=account, approved=int(is_approved), said_at=at, said_by=actor, reason=reason
        )
    )


def list_providers(connection: Connection) -> tuple[str, ...]:
    """Return the accounts that may be chosen as a data acquisition provider now, by name."""
    table = provider_approval
    last = select(func.max(table.c.number)).group_by(table.c.account)
    query = select(table.c.account).where(table.c.number.in_(last), table.c.approved == 1).order_by(table.c.account)
    return tuple(connection.execute(query).scalars())


def _has_ended(at: int) -> ColumnElement[bool]:
    """Return the condition that `hub.rules.change_requests.is_in_progress` decides, for many requests at once."""
    approved = and_(change_step.c.counts_from.is_not(None), change_step.c.counts_from <= at)
    ended = or_(change_step.c.step.in_(_ENDING), approved)
    return exists().where(change_step.c.request == change_request.c.number, ended)


def _complete(connection: Connection, rows: Iterable[Row[tuple[object, ...]]]) -> tuple[ChangeRequest, ...]:
    found = list(rows)
    taken: dict[int, list[TakenStep]] = {row.number: [] for row in found}
    query = select(change_step).where(change_step.c.request.in_(list(taken))).order_by(change_step.c.number)
    for row in connection.execute(query):
        step = {name: getattr(row, name) for name in TakenStep.__slots__}
        taken[row.request].append(TakenStep(**{**step, "step": ChangeStep(row.step)}))
    return tuple(_request(row, tuple(taken[row.number])) for row in found)


def _request(row: Row[tuple[object, ...]], steps: tuple[TakenStep, ...]) -> ChangeRequest:
    wish = ChangeWish(**{**{name: getattr(row, name) for name in _WISH}, "role": Role(row.role)})
    return ChangeRequest(row.number, wish, row.reason, row.requested_by, row.requested_at, steps)
