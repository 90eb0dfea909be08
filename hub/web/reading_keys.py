"""The place of a reading in a list as text: what a page of them names as the next."""

from __future__ import annotations

from hub.errors import InputError
from hub.store.series import ReadingKey
from protocol.identity import BOOT_ID_LENGTH, BootId

_NUMBER_MAX = (1 << 63) - 1
"""The largest number a column of the database holds."""


def format_key(key: ReadingKey) -> str:
    """Return the place as text."""
    return f"{key.read_at}.{key.register_id}.{key.boot_id.hex()}.{key.boottime_ms}"


def parse_key(text: str) -> ReadingKey:
    """Return the place written in `text`; raises InputError for what no page ever named."""
    message = f"{text!r:.60} is not a place in the readings: give the `next` of the page before"
    try:
        read_at, register_id, boot_id, boottime_ms = text.split(".")
        key = ReadingKey(int(read_at), int(register_id), BootId(bytes.fromhex(boot_id)), int(boottime_ms))
    except ValueError as error:
        raise InputError(message) from error
    numbers = (key.read_at, key.register_id, key.boottime_ms)
    if max(map(abs, numbers)) > _NUMBER_MAX or len(key.boot_id) != BOOT_ID_LENGTH:
        raise InputError(message)
    return key
