"""Issue a command to a device: numbered, signed and kept in the outbox, from which `flush_outbox` sends it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hub.errors import InputError, UnknownSubjectError
from hub.services.check_text import check_label
from hub.services.flush_outbox import close_overdue
from hub.store import outbox, registry
from hub.store.audit_log import append_audit
from hub.store.outbox import CommandRecord, IssuedCommand
from protocol import wire
from protocol.commands import (
    AskState,
    Command,
    Operation,
    Repoll,
    Resend,
    RestartAgent,
    RotateSigningKey,
    SetConfig,
)
from protocol.errors import IdentityError, ProtocolError
from protocol.identity import format_device_id, parse_device_id

if TYPE_CHECKING:
    from hub.store.database import Database
    from protocol.commands import Order
    from protocol.cose import SigningKey
    from protocol.identity import DeviceId

WAITING_MAX = 100
"""How many commands to one device may wait for an answer."""
TTL_SECONDS_MAX = 366 * 86_400


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """An order to a device (its id as text), from `actor`, to be begun within `ttl_seconds`; `id` is 8 random bytes."""

    device: str
    order: Order
    actor: str
    ttl_seconds: int
    id: bytes


def issue_command(database: Database, request: CommandRequest, key: SigningKey, now: int) -> CommandRecord:
    """Sign an order with the hub's command key, keep it to be sent, and return its record.

    The number is above every number that this device was ever given. A database that was restored has forgotten some,
    so numbers also begin above the millisecond in which its timeline began: no life of a hub issues a thousand commands
    a second to one device, so every number of an earlier life lies below. A number given twice would be worse than
    lost: the device would answer the new command with the result of the old one.

    Raises InputError for an order that cannot be said on the wire or when too many wait already, UnknownSubjectError
    for a device that is not registered.
    """
    device = find_device(request.device)
    request = replace(request, actor=check_label(request.actor, "an actor"))
    if not 0 < request.ttl_seconds <= TTL_SECONDS_MAX:
        message = f"{request.ttl_seconds} s is no time to live of a command: give 1 to {TTL_SECONDS_MAX}"
        raise InputError(message)
    with database.write() as connection:
        if registry.find_device(connection, device) is None:
            message = f"device {request.device} is not registered: see `meter-hub device list`"
            raise UnknownSubjectError(message)
        close_overdue(connection, device, now)
        if outbox.count_open(connection, device) >= WAITING_MAX:
            message = f"{WAITING_MAX} commands to device {request.device} wait already: wait until some are answered"
            raise InputError(message)
        number = max(outbox.last_number(connection, device), registry.timeline_began_at(connection)) + 1
        issued = sign_command(request, device, number, key, now)
        outbox.add_commands(connection, [issued])
        append_audit(
            connection,
            actor=request.actor,
            action="issue command",
            subject=format_device_id(device),
            at=now,
            after={"command": number, "operation": issued.operation.value, "arguments": issued.arguments},
        )
    return CommandRecord(issued, sends=0, sent_at=None, session=b"", closed_at=None, answers=())


def sign_command(  # noqa: PLR0913, PLR0917 - what is asked of which device, under which number, by which key
    request: CommandRequest, device: DeviceId, number: int, key: SigningKey, now: int, bulk: int | None = None
) -> IssuedCommand:
    """Return a command as it is kept and sent; raises InputError for an order that cannot be said on the wire."""
    operation, arguments = describe_order(request.order)
    return IssuedCommand(
        device=device,
        number=number,
        id=request.id,
        operation=operation,
        arguments=arguments,
        actor=request.actor,
        issued_at=now,
        ttl_seconds=request.ttl_seconds,
        raw=_seal(Command(device, number, request.order, now, request.ttl_seconds, request.id), key),
        bulk=bulk,
    )


def find_device(text: str) -> DeviceId:
    """Return the device id written as `text`; raises InputError if it is none."""
    try:
        return parse_device_id(text)
    except IdentityError as error:
        message = f"{error}; `meter-hub device list` names them"
        raise InputError(message) from error


def describe_order(order: Order) -> tuple[Operation, str]:
    """Return the operation, and its arguments as people read them."""
    match order:
        case AskState():
            return Operation.STATE, ""
        case Resend():
            return Operation.RESEND, f"epoch {order.epoch.hex()}, blocks {order.first} to {order.last}"
        case Repoll():
            return Operation.REPOLL, f"meter {order.meter}"
        case SetConfig():
            settings = ", ".join(f"{name}={value}" for name, value in sorted(order.patch.items()))
            terms = f"upon version {order.expected_version}, back after {order.revert_seconds} s without the hub"
            return Operation.SET_CONFIG, f"{settings}; {terms}"
        case RotateSigningKey():
            return Operation.ROTATE_SIGNING_KEY, ""
        case RestartAgent():
            return Operation.RESTART_AGENT, ""
    message = f"this hub cannot issue {order.operation!r}: it does not know that operation"
    raise InputError(message)


def _seal(command: Command, key: SigningKey) -> bytes:
    try:
        return wire.seal_command(command, key)
    except ProtocolError as error:
        message = f"this command cannot be sent: {error}"
        raise InputError(message) from error
