"""Commands to devices and what became of them: orders and answers are appended, only their delivery is kept up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from hub.store import schema
from protocol.commands import Operation, ResultStatus
from protocol.identity import DeviceId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

INTERIM = frozenset({ResultStatus.ACCEPTED, ResultStatus.RUNNING})
"""What a device says while it is still at work; anything else is its last word."""


@dataclass(frozen=True, slots=True)
class IssuedCommand:
    """A command as it was signed (`raw`), who issued it and when (UTC ms); `arguments` are for people to read."""

    device: DeviceId
    number: int
    id: bytes
    operation: Operation
    arguments: str
    actor: str
    issued_at: int
    ttl_seconds: int
    raw: bytes

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

    `session` is the device's session in which it was sent last; `closed_at` is when the hub stopped waiting.
    """

    issued: IssuedCommand
    sends: int
    sent_at: int | None
    session: bytes
    closed_at: int | None
    answers: tuple[CommandAnswer, ...]

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


def add_command(connection: Connection, issued: IssuedCommand) -> None:
    """Keep a command, to be sent."""
    connection.execute(
        insert(schema.command).values(
            device=issued.device,
            number=issued.number,
            id=issued.id,
            operation=issued.operation.value,
            arguments=issued.arguments,
            actor=issued.actor,
            issued_at=issued.issued_at,
            ttl_seconds=issued.ttl_seconds,
            bytes=issued.raw,
            sends=0,
            sent_session=b"",
        )
    )


def open_commands(
    connection: Connection, device: DeviceId | None = None
) -> tuple[tuple[CommandRecord, Presence | None], ...]:
    """Return every command that waits for an answer, by device and number, with what its device last said of itself.

    Those to one `device` where it is given.
    """
    table, state = schema.command, schema.device_state
    query = (
        select(table, state.c.online, state.c.session)
        .outerjoin(state, state.c.device == table.c.device)
        .where(table.c.closed_at.is_(None))
        .order_by(table.c.device, table.c.number)
    )
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
    )
    return CommandRecord(issued, row.sends, row.sent_at, row.sent_session, row.closed_at, answers)
