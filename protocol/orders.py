"""The command as a CBOR map: key 3 names the operation, and key 4 holds the arguments that belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.commands import (
    AskState,
    Command,
    Operation,
    Order,
    Repoll,
    Resend,
    RestartAgent,
    RotateSigningKey,
    SetConfig,
    UnknownOrder,
)
from protocol.errors import MalformedError
from protocol.fields import (
    COUNT_MAX,
    NAME_MAX,
    TIME_MS_MAX,
    U16_MAX,
    U32_MAX,
    VERSION,
    Fields,
    integer,
    named,
    octets,
    read_device,
    read_version,
    text,
)
from protocol.identity import EPOCH_LENGTH, Epoch

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND_ID_LENGTH = 8
PATCH_MAX = 32
_EXPECTED_VERSION = 8
_KNOWN = frozenset(Operation)
_OPERATIONS: dict[type[Order], Operation] = {
    AskState: Operation.STATE,
    Resend: Operation.RESEND,
    Repoll: Operation.REPOLL,
    SetConfig: Operation.SET_CONFIG,
    RotateSigningKey: Operation.ROTATE_SIGNING_KEY,
    RestartAgent: Operation.RESTART_AGENT,
}


def write_command(command: Command) -> dict[int, object]:
    """Return the map that encodes `command`."""
    operation, arguments = _write_order(command.order)
    content: dict[int, object] = {
        0: VERSION,
        1: command.device,
        2: command.number,
        3: operation,
        4: arguments,
        5: command.issued_at,
        6: command.ttl_seconds,
        7: command.id,
    }
    if isinstance(command.order, SetConfig):
        content[_EXPECTED_VERSION] = command.order.expected_version
    return content


def read_command(fields: Fields) -> Command:
    """Return the command in these fields, also of an operation not known here; raises MalformedError."""
    read_version(fields)
    return Command(
        device=read_device(fields),
        number=integer(fields.need(2, "number"), "the command's number", 0, COUNT_MAX),
        order=_read_order(fields),
        issued_at=integer(fields.need(5, "issued"), "the time of issue", 0, TIME_MS_MAX),
        ttl_seconds=integer(fields.need(6, "time to live"), "the time to live", 0, U32_MAX),
        id=octets(fields.need(7, "id"), "the command's id", COMMAND_ID_LENGTH, COMMAND_ID_LENGTH),
    )


def _write_order(order: Order) -> tuple[str, dict[int, object]]:
    arguments: dict[int, object] = {}
    match order:
        case Resend():
            arguments = {1: order.epoch, 2: order.first, 3: order.last}
        case Repoll():
            arguments = {1: order.meter}
        case SetConfig():
            arguments = {1: dict(order.patch), 2: order.revert_seconds}
        case UnknownOrder():
            return order.operation, dict(order.arguments)
    return _OPERATIONS[type(order)], arguments


def _read_order(fields: Fields) -> Order:
    word = text(fields.need(3, "operation"), "the operation", 1, NAME_MAX)
    arguments = Fields(fields.need(4, "arguments"), f"arguments of {word}")
    if word not in _KNOWN:
        return UnknownOrder(word, arguments.unread())
    operation = Operation(word)
    if operation is Operation.SET_CONFIG:
        return _read_set_config(fields, arguments)
    if fields.has(_EXPECTED_VERSION):
        message = f"the command {operation} expects a configuration, which only {Operation.SET_CONFIG} may"
        raise MalformedError(message)
    return _READ_BY_OPERATION[operation](arguments)


def _read_set_config(fields: Fields, arguments: Fields) -> SetConfig:
    patch = named(arguments.need(1, "patch"), "the patch", PATCH_MAX, NAME_MAX)
    expected = fields.need(_EXPECTED_VERSION, "expected version")
    return SetConfig(
        patch={name: integer(value, "a setting", -COUNT_MAX, COUNT_MAX) for name, value in patch.items()},
        expected_version=integer(expected, "the expected version", 0, COUNT_MAX),
        revert_seconds=integer(arguments.need(2, "revert"), "the time before going back", 0, U32_MAX),
    )


def _read_resend(arguments: Fields) -> Resend:
    epoch = octets(arguments.need(1, "epoch"), "the epoch", EPOCH_LENGTH, EPOCH_LENGTH)
    first = integer(arguments.need(2, "first"), "the first block asked for", 0, COUNT_MAX)
    last = integer(arguments.need(3, "last"), "the last block asked for", first, COUNT_MAX)
    return Resend(epoch=Epoch(epoch), first=first, last=last)


def _read_repoll(arguments: Fields) -> Repoll:
    return Repoll(meter=integer(arguments.need(1, "meter"), "the meter index", 0, U16_MAX))


_READ_BY_OPERATION: dict[Operation, Callable[[Fields], Order]] = {
    Operation.STATE: lambda _arguments: AskState(),
    Operation.RESEND: _read_resend,
    Operation.REPOLL: _read_repoll,
    Operation.ROTATE_SIGNING_KEY: lambda _arguments: RotateSigningKey(),
    Operation.RESTART_AGENT: lambda _arguments: RestartAgent(),
}
