"""What pages and API share of acts on many devices: places in a list of their commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.errors import InputError
from protocol.errors import IdentityError
from protocol.identity import format_device_id, parse_device_id

if TYPE_CHECKING:
    from hub.store.bulk_actions import BulkCommand


_DIGITS_MAX = 18


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
