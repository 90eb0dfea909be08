"""What was done to many devices at once, and how far the commands that it took have come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, exists, func, insert, literal, or_, select, tuple_, update

from hub.fleet.bulks import BulkAction, BulkKind, Outcome
from hub.rules.closing import canonical
from hub.store import schema
from hub.store.facts import Recorded
from hub.store.fleet_tables import bulk
from hub.store.outbox import INTERIM
from protocol.commands import ResultStatus
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Connection, Row


@dataclass(frozen=True, slots=True)
class Bulk:
    """An act on many devices: `devices` is of how many it was done, `left` of how many that matched it was not.

    `filter` is what narrowed them down. `cancelled` is who withdrew what had not been sent, None if nobody did.
    """

    number: int
    action: BulkAction
    filter: Mapping[str, str]
    devices: int
    left: int
    recorded: Recorded
    cancelled: Recorded | None = None


@dataclass(frozen=True, slots=True)
class BulkCommand:
    """A command of a bulk, by the device's name, and what became of it."""

    device: DeviceId
    name: str
    number: int
    arguments: str
    outcome: Outcome


def add_bulk(
    connection: Connection, action: BulkAction, wanted: Mapping[str, str], counts: tuple[int, int], recorded: Recorded
) -> int:
    """Keep an act and return its number; `counts` are the devices of which it is done, and those that are left."""
    values = {
        "kind": action.kind.value,
        "until_at": action.until_at,
        "tags": " ".join(action.tags),
        "filter": canonical(dict(wanted)),
        "devices": counts[0],
        "left_out": counts[1],
        "reason": recorded.reason,
        "recorded_at": recorded.at,
        "actor": recorded.actor,
    }
    return int(connection.execute(insert(bulk).values(values).returning(bulk.c.number)).scalar_one())


def find_bulk(connection: Connection, number: int) -> Bulk | None:
    """Return the act of this number."""
    row = connection.execute(select(bulk).where(bulk.c.number == number)).one_or_none()
    return None if row is None else _bulk(row)


def list_bulks(connection: Connection, before: int | None, limit: int) -> tuple[Bulk, ...]:
    """Return the last acts, the latest first, those with a number below `before` if given."""
    query = select(bulk).order_by(bulk.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(bulk.c.number < before)
    return tuple(map(_bulk, connection.execute(query)))


def cancel_bulk(connection: Connection, number: int, recorded: Recorded) -> None:
    """Keep who withdrew what had not been sent, when and why."""
    values = {"cancelled_at": recorded.at, "cancelled_by": recorded.actor, "cancel_reason": recorded.reason}
    connection.execute(update(bulk).where(bulk.c.number == number).values(values))


def count_outcomes(connection: Connection, number: int) -> dict[Outcome, int]:
    """Return how many commands of an act came to what; by index, and as many as these are."""
    command = schema.command
    said = _outcome().label("outcome")
    rows = connection.execute(select(said, func.count()).where(command.c.bulk == number).group_by(said))
    counted = {Outcome(outcome): count for outcome, count in rows}
    return {outcome: counted.get(outcome, 0) for outcome in Outcome}


def list_commands(
    connection: Connection, number: int, outcome: Outcome | None, after: tuple[bytes, int] | None, limit: int
) -> tuple[BulkCommand, ...]:
    """Return the next commands of an act by device and number, all or those that came to `outcome`."""
    command, device = schema.command, schema.device
    said = _outcome().label("outcome")
    query = (
        select(command.c.device, device.c.name, command.c.number, command.c.arguments, said)
        .join(device, device.c.id == command.c.device)
        .where(command.c.bulk == number)
        .order_by(command.c.device, command.c.number)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(command.c.device, command.c.number) > tuple_(*after))
    if outcome is not None:
        query = query.where(_outcome() == outcome.value)
    return tuple(
        BulkCommand(DeviceId(row.device), row.name, row.number, row.arguments, Outcome(row.outcome))
        for row in connection.execute(query)
    )


def _outcome() -> ColumnElement[str]:
    """Return what a command came to: by the device's last word, before the hub's own, before how far it was sent."""
    command, answer = schema.command, schema.command_answer
    of_it = and_(answer.c.device == command.c.device, answer.c.number == command.c.number)
    own = exists().where(of_it, answer.c.bytes.is_(None))
    last = [answer.c.bytes.is_not(None), answer.c.status.not_in([one.value for one in INTERIM])]
    done = exists().where(of_it, *last, answer.c.status == ResultStatus.DONE.value)
    expired = exists().where(of_it, *last, answer.c.status == ResultStatus.EXPIRED.value)
    return case(
        (command.c.withdrawn_at.is_not(None), literal(Outcome.WITHDRAWN.value)),
        (done, literal(Outcome.DONE.value)),
        (expired, literal(Outcome.EXPIRED.value)),
        (exists().where(of_it, *last), literal(Outcome.REFUSED.value)),
        (or_(own, command.c.closed_at.is_not(None)), literal(Outcome.EXPIRED.value)),
        (command.c.sends > 0, literal(Outcome.SENT.value)),
        else_=literal(Outcome.WAITING.value),
    )


def _bulk(row: Row[tuple[object, ...]]) -> Bulk:
    cancelled = None
    if row.cancelled_at is not None:
        cancelled = Recorded(row.cancelled_by, row.cancelled_at, row.cancel_reason)
    return Bulk(
        number=row.number,
        action=BulkAction(BulkKind(row.kind), row.until_at, tuple(row.tags.split())),
        filter=json.loads(row.filter),
        devices=row.devices,
        left=row.left_out,
        recorded=Recorded(row.actor, row.recorded_at, row.reason),
        cancelled=cancelled,
    )
