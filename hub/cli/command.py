"""`meter-hub command`: ask something of a device, and see what became of it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.terminal import DEFAULT_DATA, Actor, AsJson, Data, open_data, plain, print_table, user_name
from hub.clock import monotonic_seconds, now_ms, pause_seconds
from hub.errors import InputError
from hub.formats import local_time
from hub.keys import ensure_command_key
from hub.rules.instants import format_instant
from hub.services.issue_command import CommandRequest, find_device, issue_command
from hub.store import outbox, states
from protocol.commands import AskState, Repoll, Resend, RestartAgent, ResultStatus, RotateSigningKey, SetConfig
from protocol.identity import EPOCH_LENGTH, Epoch
from protocol.orders import COMMAND_ID_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.store.outbox import CommandRecord
    from protocol.commands import Order

EXIT_NOT_DONE = 1
TTL_SECONDS = 86_400
REVERT_SECONDS = 900
LISTED_MAX = 50
_LOOK_SECONDS = 0.25
_DIGITS_MAX = 20

app = typer.Typer(no_args_is_help=True, help="Ask something of a device, and see what became of it.")

Device = Annotated[str, typer.Argument(help="Id of the device, as `device list` shows it.")]
Ttl = Annotated[int, typer.Option("--ttl", help="Seconds within which the device must begin.")]
Wait = Annotated[float, typer.Option("--wait", help="Seconds to wait for the device's last word.", min=0)]


@app.command("state")
def ask_state(
    device: Device,
    actor: Actor = "",
    ttl: Ttl = TTL_SECONDS,
    wait: Wait = 0,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Ask a device to say hello anew."""
    _issue(data, device, AskState(), actor=actor, ttl=ttl, wait=wait, as_json=as_json)


@app.command()
def resend(
    device: Device,
    first: Annotated[int, typer.Option("--first", help="The first block wanted.", min=0)],
    last: Annotated[int, typer.Option("--last", help="The last block wanted.", min=0)],
    epoch: Annotated[str, typer.Option(help="The epoch, hexadecimal; the one the device is in unless named.")] = "",
    actor: Actor = "",
    ttl: Ttl = TTL_SECONDS,
    wait: Wait = 0,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Ask a device for blocks again, as they were signed; also for those of an archived epoch."""
    order = Resend(_epoch(data, device, epoch), first, last)
    _issue(data, device, order, actor=actor, ttl=ttl, wait=wait, as_json=as_json)


@app.command()
def repoll(
    device: Device,
    meter: Annotated[int, typer.Option(help="The meter's number at the device.", min=0)],
    actor: Actor = "",
    ttl: Ttl = TTL_SECONDS,
    wait: Wait = 0,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Ask a device to read a meter once more, now."""
    _issue(data, device, Repoll(meter), actor=actor, ttl=ttl, wait=wait, as_json=as_json)


@app.command("set-config")
def set_config(
    device: Device,
    settings: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="Such as interval_seconds=900.")],
    expect: Annotated[
        int | None, typer.Option(help="Version it is meant for; the one the device last named unless given.", min=0)
    ] = None,
    revert: Annotated[
        int, typer.Option(help="Seconds after which the device goes back if it has not heard the hub.", min=1)
    ] = REVERT_SECONDS,
    actor: Actor = "",
    ttl: Ttl = TTL_SECONDS,
    wait: Wait = 0,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Change settings of a device; it goes back by itself if it does not hear the hub with them."""
    patch = _patch(settings)
    if expect is None:
        with open_data(data, create=False) as database, database.read() as connection:
            expect = outbox.last_config_version(connection, find_device(device)) or 0
    order = SetConfig(patch, expect, revert)
    _issue(data, device, order, actor=actor, ttl=ttl, wait=wait, as_json=as_json)


@app.command("rotate-sign-key")
def rotate_signing_key(
    device: Device,
    actor: Actor = "",
    ttl: Ttl = TTL_SECONDS,
    wait: Wait = 0,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Ask a device to make a new signing key, and to state it under the old one."""
    _issue(data, device, RotateSigningKey(), actor=actor, ttl=ttl, wait=wait, as_json=as_json)


@app.command("restart-agent")
def restart_agent(
    device: Device,
    actor: Actor = "",
    ttl: Ttl = TTL_SECONDS,
    wait: Wait = 0,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Ask a device to seal what is open, and to start its agent anew."""
    _issue(data, device, RestartAgent(), actor=actor, ttl=ttl, wait=wait, as_json=as_json)


@app.command("list")
def list_commands(device: Device, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the latest commands to a device, and what became of each."""
    with open_data(data, create=False) as database, database.read() as connection:
        records = outbox.list_commands(connection, find_device(device), LISTED_MAX)
    if as_json:
        typer.echo(json.dumps({"device": device, "commands": [_command_json(record) for record in records]}))
        return
    rows = [
        (
            str(record.issued.number),
            local_time(record.issued.issued_at),
            record.issued.actor,
            f"{record.issued.operation} {record.issued.arguments}".strip(),
            str(record.sends),
            _outcome(record),
            record.answer.detail if record.answer else "",
        )
        for record in records
    ]
    print_table(("Number", "Issued", "By", "Command", "Sent", "Outcome", "Detail"), rows)


def _issue(data: Path, device: str, order: Order, *, actor: str, ttl: int, wait: float, as_json: bool) -> None:
    """Issue an order, wait for its last word if asked to, and say what is known; exit code 1 for a bad one."""
    request = CommandRequest(device, order, actor or user_name(), ttl, secrets.token_bytes(COMMAND_ID_LENGTH))
    with open_data(data, create=False) as database:
        record = issue_command(database, request, ensure_command_key(data), now_ms())
        deadline = monotonic_seconds() + wait
        while record.closed_at is None and monotonic_seconds() < deadline:
            pause_seconds(_LOOK_SECONDS)
            with database.read() as connection:
                record = outbox.find_command(connection, record.issued.device, record.issued.number) or record
    if as_json:
        typer.echo(json.dumps(_command_json(record)))
    else:
        detail = f": {record.answer.detail}" if record.answer and record.answer.detail else ""
        typer.echo(plain(f"command {record.issued.number} {record.issued.operation}: {_outcome(record)}{detail}"))
    if wait and (record.answer is None or record.answer.status is not ResultStatus.DONE):
        raise typer.Exit(EXIT_NOT_DONE)


def _outcome(record: CommandRecord) -> str:
    if record.answer is not None:
        return str(record.answer.status)
    if record.withdrawn_at is not None:
        return "withdrawn"
    return "not answered yet" if record.sends else "not sent yet"


def _command_json(record: CommandRecord) -> Mapping[str, object]:
    issued, answer = record.issued, record.answer
    return {
        "number": issued.number,
        "id": issued.id.hex(),
        "operation": str(issued.operation),
        "arguments": issued.arguments,
        "actor": issued.actor,
        "issued_at": format_instant(issued.issued_at),
        "ttl_seconds": issued.ttl_seconds,
        "sends": record.sends,
        "sent_at": None if record.sent_at is None else format_instant(record.sent_at),
        "closed_at": None if record.closed_at is None else format_instant(record.closed_at),
        "withdrawn_at": None if record.withdrawn_at is None else format_instant(record.withdrawn_at),
        "status": None if answer is None else str(answer.status),
        "detail": "" if answer is None else answer.detail,
        "config_version": None if answer is None else answer.config_version,
    }


def _epoch(data: Path, device: str, text: str) -> Epoch:
    if text:
        try:
            epoch = bytes.fromhex(text)
        except ValueError:
            epoch = b""
        if len(epoch) != EPOCH_LENGTH:
            message = f"{text!r:.60} is not an epoch: give its {2 * EPOCH_LENGTH} hexadecimal digits"
            raise InputError(message)
        return Epoch(epoch)
    with open_data(data, create=False) as database, database.read() as connection:
        state = states.find_state(connection, find_device(device))
    if state is None or state.epoch is None:
        message = f"device {device} has not said in which epoch it is: name one with --epoch"
        raise InputError(message)
    return state.epoch


def _patch(settings: list[str]) -> dict[str, int]:
    patch: dict[str, int] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        is_whole = value.removeprefix("-").isdecimal() and value.isascii() and len(value) <= _DIGITS_MAX
        if not name or not is_whole or name in patch:
            message = f"{setting!r:.60} is not a setting: write each once, as NAME=VALUE with a whole number"
            raise InputError(message)
        patch[name] = int(value)
    return patch
