"""What pages and API share of acts on many devices: what makes their commands, and places in a list of these."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

from hub.errors import InputError
from hub.keys import ensure_command_key
from hub.services.start_bulk import CommandMeans
from protocol.errors import IdentityError
from protocol.identity import format_device_id, parse_device_id
from protocol.orders import COMMAND_ID_LENGTH

if TYPE_CHECKING:
    from hub.store.bulk_actions import BulkCommand
    from hub.web.context import Hub


_DIGITS_MAX = 18


def command_means(hub: Hub) -> CommandMeans:
    """Return what makes the commands of this hub."""
    return CommandMeans(
        partial(ensure_command_key, hub.settings.data_folder), partial(secrets.token_bytes, COMMAND_ID_LENGTH)
    )


def place_of(command: BulkCommand) -> str:
    """Return the place of a command in the list of its bulk."""
    return f"{format_device_id(command.device)},{command.number}"


def parse_place(text: str) -> tuple[bytes, int] | None:
    """Return after which command a list goes on; raises InputError for what is no place in it."""
    if not text:
        return None
    device, _, number = text.partition(",")
    try:
        identity = bytes(parse_device_id(device))
    except IdentityError:
        identity = b""
    if not identity or not (number.isascii() and number.isdecimal() and len(number) <= _DIGITS_MAX):
        message = f"{text!r:.60} is no place in this list: begin without it"
        raise InputError(message)
    return identity, int(number)
