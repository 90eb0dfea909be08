"""Commands to devices and what became of them: orders and answers are appended, only their delivery is kept up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, insert, select, update

from hub.store import schema
from hub.store.facts import NAMES_AT_ONCE
from protocol.commands import Operation, ResultStatus
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Row, Select

INTERIM = frozenset({ResultStatus.ACCEPTED, ResultStatus.RUNNING})
"""What a device says while it is still at work; anything else is its last word."""


@dataclass(frozen=True, slots=True)
class IssuedCommand:
    """A command as it was signed (`raw`), who issued it and when (UTC ms); `arguments` are for people to read.

    `bulk` is the number of the act on many devices that it is part of.
    """

    device: DeviceId
    number: int
    id: bytes
    operation: Operation
    arguments: str
    actor: str
    issued_at: int
    ttl_seconds: int
    raw: bytes
    bulk: int | None = None

    @property
    def expires_at(self) -> int:
        """The instant (UTC ms) from which it must not be begun any more."""
        return self.issued_at + self.ttl_seconds * 1000


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What a device answered (`raw` as it signed it), or what the hub says in its place (`raw` None)."""

    answered_at: int
    status: ResultStatus
    detail: str
    config_version: int | None
    raw: bytes | None

    @property
    def is_final(self) -> bool:
        """Whether the device said this as its last word."""
        return self.raw is not None and self.status not in INTERIM


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command with all that is known of it: how often and when last it was sent, and its answers in order.

    `session` is the device's session in which it was sent last; `closed_at` is when the hub stopped waiting, and
    `withdrawn_at` when somebody took it back before it was ever sent.
    """

    issued: IssuedCommand
    sends: int
    sent_at: int | None
    session: bytes
    closed_at: int | None
    answers: tuple[CommandAnswer, ...]
    withdrawn_at: int | None = None

    @property
    def answer(self) -> CommandAnswer | None:
        """The answer that counts: the device's last word, before the hub's own, before what it said on the way."""
        final = [answer for answer in self.answers if answer.is_final]
        own = [answer for answer in self.answers if answer.raw is None]
        return next(iter((*final, *own, *reversed(self.answers))), None)


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a device is online, and in which session."""

    online: bool
    session: bytes


def last_number(connection: Connection, device: DeviceId) -> int:
    """Return the highest number of a command to this device, 0 before the first."""
    table = schema.command
    query = select(func.coalesce(func.max(table.c.number), 0)).where(table.c.device == device)
    return int(connection.execute(query).scalar_one())


def count_open(connection: Connection, device: DeviceId) -> int:
    """Return how many commands to this device wait for an answer."""
    table = schema.command
    query = select(func.count()).where(table.c.device == device, table.c.closed_at.is_(None))
    return int(connection.execute(query).scalar_one())


def last_numbers(connection: Connection, devices: Sequence[DeviceId]) -> dict[DeviceId, int]:
    """Return the highest number of a command to each of these devices; those that never got one are left out."""
    table = schema.command
    query = select(table.c.device, func.max(table.c.number).label("number")).group_by(table.c.device)
    return _of_each(connection, query, devices)


def count_open_of(connection: Connection, devices: Sequence[DeviceId]) -> dict[DeviceId, int]:
    """Return how many commands to each of these devices wait for an answer; those without any are left out."""
    table = schema.command
    query = select(table.c.device, func.count().label("number")).group_by(table.c.device)
    query = query.where(table.c.closed_at.is_(None))
    return _of_each(connection, query, devices)


def _of_each(
    connection: Connection, query: Select[tuple[bytes, int]], devices: Sequence[DeviceId]
) -> dict[DeviceId, int]:
    asked = query.where(schema.command.c.device.in_(bindparam("devices", expanding=True)))
    found: dict[DeviceId, int] = {}
    for begin in range(0, len(devices), NAMES_AT_ONCE):
        for row in connection.execute(asked, {"devices": devices[begin : begin + NAMES_AT_ONCE]}):
            found[DeviceId(row.device)] = row.number
    return found


def add_commands(connection: Connection, commands: Iterable[IssuedCommand]) -> None:
    """Keep commands, to be sent."""
    rows = [
        {
            "device": issued.device,
            "number": issued.number,
            "id": issued.id,
            "operation": issued.operation.value,
            "arguments": issued.arguments,
            "actor": issued.actor,
            "issued_at": issued.issued_at,
            "ttl_seconds": issued.ttl_seconds,
            "bytes": issued.raw,
            "sends": 0,
            "sent_session": b"",
            "bulk": issued.bulk,
        }
        for issued in commands
    ]
    if rows:
        connection.execute(insert(schema.command), rows)


def withdraw_unsent(connection: Connection, bulk: int, at: int) -> int:
    """Take back the commands of a bulk that were never sent, at `at` (UTC ms), and return how many these were."""
    table = schema.command
    withdrawn = connection.execute(
        update(table)
        .where(table.c.bulk == bulk, table.c.sends == 0, table.c.closed_at.is_(None))
        .values(closed_at=at, withdrawn_at=at)
    )
    return withdrawn.rowcount


def list_overdue(connection: Connection, expired_by: int) -> tuple[CommandRecord, ...]:
    """Return the commands that wait for an answer and had to be begun by `expired_by` (UTC ms)."""
    table = schema.command
    expires_at = table.c.issued_at + table.c.ttl_seconds * 1000
    query = select(table).where(table.c.closed_at.is_(None), expires_at <= expired_by)
    return tuple(_record(row, ()) for row in connection.execute(query.order_by(table.c.device, table.c.number)))


def open_commands(
    connection: Connection, device: DeviceId | None = None, *, is_there: bool = False
) -> tuple[tuple[CommandRecord, Presence | None], ...]:
    """Return every command that waits for an answer, by device and number, with what its device last said of itself.

    Those to one `device` where it is given, or to devices that are online where `is_there`.
    """
    table, state = schema.command, schema.device_state
    query = (
        select(table, state.c.online, state.c.session)
        .outerjoin(state, state.c.device == table.c.device)
        .where(table.c.closed_at.is_(None))
        .order_by(table.c.device, table.c.number)
    )
    if is_there:
        query = query.where(state.c.online == 1)
    rows = connection.execute(query if device is None else query.where(table.c.device == device))
    return tuple(
        (_record(row, ()), None if row.online is None else Presence(bool(row.online), row.session)) for row in rows
    )


def mark_sent(connection: Connection, record: CommandRecord, session: bytes, at: int) -> None:
    """Keep that a command is sent at `at` (UTC ms), in this session of its device."""
    connection.execute(
        update(schema.command)
        .where(schema.command.c.device == record.issued.device, schema.command.c.number == record.issued.number)
        .values(sends=record.sends + 1, sent_at=at, sent_session=session)
    )


def close_command(connection: Connection, device: DeviceId, number: int, at: int) -> None:
    """Keep that nothing more is awaited for a command since `at` (UTC ms)."""
    table = schema.command
    connection.execute(
        update(table)
        .where(table.c.device == device, table.c.number == number, table.c.closed_at.is_(None))
        .values(closed_at=at)
    )


def add_answer(connection: Connection, record: CommandRecord, answer: CommandAnswer) -> None:
    """Append an answer to those of a command."""
    connection.execute(
        insert(schema.command_answer).values(
            device=record.issued.device,
            number=record.issued.number,
            place=len(record.answers),
            answered_at=answer.answered_at,
            status=answer.status.value,
            detail=answer.detail,
            config_version=answer.config_version,
            bytes=answer.raw,
        )
    )


def find_command(connection: Connection, device: DeviceId, number: int) -> CommandRecord | None:
    """Return a command to this device by its number."""
    table = schema.command
    row = connection.execute(select(table).where(table.c.device == device, table.c.number == number)).one_or_none()
    return None if row is None else _record(row, _answers(connection, device, [number]).get(number, ()))


def list_commands(connection: Connection, device: DeviceId, limit: int) -> tuple[CommandRecord, ...]:
    """Return the latest commands to this device, the latest first."""
    table = schema.command
    rows = connection.execute(
        select(table).where(table.c.device == device).order_by(table.c.number.desc()).limit(limit)
    ).all()
    answers = _answers(connection, device, [row.number for row in rows])
    return tuple(_record(row, answers.get(row.number, ())) for row in rows)


def last_config_version(connection: Connection, device: DeviceId) -> int | None:
    """Return the version of the device's configuration as its latest answer named it; None if none ever did."""
    table = schema.command_answer
    query = (
        select(table.c.config_version)
        .where(table.c.device == device, table.c.config_version.is_not(None))
        .order_by(table.c.number.desc(), table.c.place.desc())
        .limit(1)
    )
    found: int | None = connection.execute(query).scalar_one_or_none()
    return found


def _answers(connection: Connection, device: DeviceId, numbers: Sequence[int]) -> dict[int, tuple[CommandAnswer, ...]]:
    table = schema.command_answer
    rows = connection.execute(
        select(table)
        .where(table.c.device == device, table.c.number.in_(numbers))
        .order_by(table.c.number, table.c.place)
    )
    found: dict[int, tuple[CommandAnswer, ...]] = {}
    for row in rows:
        status = ResultStatus(row.status)
        answer = CommandAnswer(row.answered_at, status, row.detail, row.config_version, row.bytes)
        found[row.number] = (*found.get(row.number, ()), answer)
    return found


def _record(row: Row[tuple[object, ...]], answers: tuple[CommandAnswer, ...]) -> CommandRecord:
    issued = IssuedCommand(
        device=DeviceId(row.device),
        number=row.number,
        id=row.id,
        operation=Operation(row.operation),
        arguments=row.arguments,
        actor=row.actor,
        issued_at=row.issued_at,
        ttl_seconds=row.ttl_seconds,
        raw=row.bytes,
        bulk=row.bulk,
    )
    return CommandRecord(
        issued, row.sends, row.sent_at, row.sent_session, row.closed_at, answers, withdrawn_at=row.withdrawn_at
    )
