"""Reading decoded CBOR with suspicion: every value is checked for type, length and range before anyone trusts it.

The functions take what `protocol.cbor.decode` returned, the words by which a sentence should call it, and the bounds
that hold; they return the value with its type or raise MalformedError. `Fields` reads one integer-keyed map.
"""

from __future__ import annotations

import functools
from enum import IntEnum
from typing import TYPE_CHECKING, TypeVar

from protocol.errors import MalformedError, UnsupportedError
from protocol.identity import DEVICE_LENGTH, EPOCH_LENGTH, DeviceId, Epoch
from protocol.messages import Instant, TimeQuality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from enum import Enum

E = TypeVar("E", bound="Enum")

U16_MAX = 2**16 - 1
U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1
COUNT_MAX = 2**53 - 1
"""The largest sequence, record or command number: exact in every language that may ever read an archive."""
TIME_MS_MAX = 2**48 - 1
"""The largest instant or duration in ms: the year 10889, and 13 times what a boottime of 700 years would need."""


VERSION = 1
"""The minor version written under key 0; the major one is in the topic and in what is signed."""
NONCE_LENGTH = 4
SHORT_HASH_LENGTH = 16
NAME_MAX = 64
NOTE_MAX = 256
REGISTERS_MAX = 64
KEY_BYTES_MAX = 1024
KEY_HISTORY_MAX = 64

KIND = 0
NOTE = 9
_ORDINARY_KEYS = frozenset(range(32))


class FrameKind(IntEnum):
    """The kinds of frame this version reads and writes. 7 (native evidence) is reserved."""

    GENESIS = 0
    READINGS = 1
    DESCRIPTOR = 2
    CLOCK = 3
    COMMAND = 4
    GAP = 5
    KEY = 6
    POLL_ERRORS = 8
    METER_EVENT = 9


class Fields:
    """The fields of one message or frame: a map with integer keys.

    Unknown keys from 0 up are none of our business; a negative key is critical (RFC 9052 §3.1 has the same idea with
    `crit`) and must not be ignored by a reader that does not know it. Raises MalformedError unless `content` is a map
    with integer keys, and UnsupportedError for a critical one.
    """

    __slots__ = ("_content", "_read", "_what")

    def __init__(self, content: object, what: str) -> None:
        if not isinstance(content, dict):
            message = f"the {what} is not a map with integer keys"
            raise MalformedError(message)
        if not _ORDINARY_KEYS.issuperset(content):
            _check_keys(content, what)
        self._content: dict[int, object] = content
        self._what = what
        self._read: list[int] = []

    def need(self, key: int, name: str) -> object:
        """Return the field; raises MalformedError, calling it by `name`, if it is absent."""
        self._read.append(key)
        try:
            return self._content[key]
        except KeyError as error:
            message = f"the {self._what} lacks key {key} ({name})"
            raise MalformedError(message) from error

    def need_all(self, names: Mapping[int, str]) -> list[object]:
        """Return the fields with these keys, in their order; raises MalformedError as `need` does."""
        self._read.extend(names)
        try:
            return list(map(self._content.__getitem__, names))
        except KeyError:
            return [self.need(key, name) for key, name in names.items()]

    def has(self, key: int) -> bool:
        """Return whether the optional field is present."""
        self._read.append(key)
        return key in self._content

    def unread(self) -> dict[int, object]:
        """Return the fields that nobody asked for: what a newer writer added."""
        return {key: value for key, value in self._content.items() if key not in self._read}


def _check_keys(content: dict[object, object], what: str) -> None:
    if not all(isinstance(key, int) for key in content):
        message = f"the {what} is not a map with integer keys"
        raise MalformedError(message)
    critical = [key for key in content if isinstance(key, int) and key < 0]
    if critical:
        message = f"the {what} has critical key {critical[0]}, which this version does not know"
        raise UnsupportedError(message)


def with_note(content: dict[int, object], note: str | None) -> dict[int, object]:
    """Return the content of a frame together with its note, if it has one."""
    return content if note is None else {**content, NOTE: note}


def read_note(fields: Fields) -> str | None:
    """Return the note of a frame, None without one."""
    return text(fields.need(NOTE, "note"), "the note", 0, NOTE_MAX) if fields.has(NOTE) else None


def integer(value: object, what: str, low: int, high: int) -> int:
    """Return `value` if it is an integer from `low` to `high`."""
    if type(value) is not int or not low <= value <= high:
        message = f"{what} is {value!r:.40}, expected an integer from {low} to {high}"
        raise MalformedError(message)
    return value


def integers(value: object, what: str, length: int) -> list[int]:
    """Return `value` if it is a list of exactly `length` integers, of any size: `within` says which they may have."""
    items = array(value, what, length, length)
    numbers = [item for item in items if type(item) is int]
    if len(numbers) < length:
        wrong = next(item for item in items if type(item) is not int)
        message = f"{what} is {wrong!r:.40}, expected an integer"
        raise MalformedError(message)
    return numbers


def within(numbers: Sequence[int], what: str, low: int, high: int) -> None:
    """Refuse integers of which one is not from `low` to `high`."""
    if numbers and not (low <= min(numbers) and max(numbers) <= high):
        wrong = next(number for number in numbers if not low <= number <= high)
        message = f"{what} is {wrong!r:.40}, expected an integer from {low} to {high}"
        raise MalformedError(message)


def octets(value: object, what: str, low: int, high: int) -> bytes:
    """Return `value` if it is a byte string of `low` to `high` bytes."""
    if not isinstance(value, bytes) or not low <= len(value) <= high:
        message = f"{what} is {value!r:.40}, expected {low} to {high} bytes"
        raise MalformedError(message)
    return value


def text(value: object, what: str, low: int, high: int) -> str:
    """Return `value` if it is a text of `low` to `high` characters."""
    if not isinstance(value, str) or not low <= len(value) <= high:
        message = f"{what} is {value!r:.40}, expected a text of {low} to {high} characters"
        raise MalformedError(message)
    return value


def boolean(value: object, what: str) -> bool:
    """Return `value` if it is true or false."""
    if not isinstance(value, bool):
        message = f"{what} is {value!r:.40}, expected true or false"
        raise MalformedError(message)
    return value


def array(value: object, what: str, low: int, high: int) -> list[object]:
    """Return `value` if it is a list of `low` to `high` entries."""
    if not isinstance(value, list) or not low <= len(value) <= high:
        message = f"{what} is {value!r:.40}, expected a list of {low} to {high} entries"
        raise MalformedError(message)
    return value


def numbered(value: object, what: str, key_max: int, length_max: int) -> dict[int, object]:
    """Return `value` if it is a map from numbers 0..`key_max` with at most `length_max` entries."""
    if not isinstance(value, dict) or len(value) > length_max:
        message = f"{what} is {value!r:.40}, expected a map of at most {length_max} entries"
        raise MalformedError(message)
    key_of = f"a key of {what}"
    return {integer(key, key_of, 0, key_max): entry for key, entry in value.items()}


def named(value: object, what: str, length_max: int, characters_max: int) -> dict[str, object]:
    """Return `value` if it is a map from texts of 1..`characters_max` characters with at most `length_max` entries."""
    if not isinstance(value, dict) or len(value) > length_max:
        message = f"{what} is {value!r:.40}, expected a map of at most {length_max} entries"
        raise MalformedError(message)
    return {text(key, f"a key of {what}", 1, characters_max): entry for key, entry in value.items()}


def member(value: object, what: str, choices: type[E]) -> E:
    """Return the member of `choices` with this value.

    A number or word outside them is what a newer writer may say, hence UnsupportedError; MalformedError for any other
    type.
    """
    expected = _type_of_values(choices)
    if type(value) is not expected:
        message = f"{what} is {value!r:.40}, expected {'a number' if expected is int else 'a word'}"
        raise MalformedError(message)
    try:
        return choices(value)
    except ValueError as error:
        message = f"{what} is {value!r:.40}, which this version does not know"
        raise UnsupportedError(message) from error


@functools.cache
def _type_of_values(choices: type[Enum]) -> type:
    return type(next(iter(choices)).value)


def read_version(fields: Fields) -> int:
    """Return the minor version (key 0): higher ones than ours are read too, because they only add optional keys."""
    return integer(fields.need(0, "version"), "the version", 1, U16_MAX)


def read_device(fields: Fields) -> DeviceId:
    """Return the device (key 1)."""
    return DeviceId(octets(fields.need(1, "device"), "the device id", DEVICE_LENGTH, DEVICE_LENGTH))


def read_epoch(fields: Fields) -> Epoch:
    """Return the epoch (key 2)."""
    return Epoch(octets(fields.need(2, "epoch"), "the epoch", EPOCH_LENGTH, EPOCH_LENGTH))


def read_optional_seq(fields: Fields, key: int, what: str) -> int:
    """Return a seq that is left out when there is none (-1)."""
    return integer(fields.need(key, what), what, -1, COUNT_MAX) if fields.has(key) else -1


def read_key_history(value: object) -> tuple[bytes, ...]:
    """Return the sealed key statements in this list, oldest first."""
    listed = array(value, "the key history", 1, KEY_HISTORY_MAX)
    return tuple(octets(statement, "a key statement", 1, KEY_BYTES_MAX) for statement in listed)


def write_instant(instant: Instant) -> list[object]:
    """Return `[wall ms, boottime ms, time quality]`."""
    return [instant.wall_ms, instant.boottime_ms, instant.quality]


def read_instant(value: object, what: str) -> Instant:
    """Return the instant written so."""
    wall_ms, boottime_ms, quality = array(value, what, 3, 3)
    return Instant(
        wall_ms=integer(wall_ms, what, 0, TIME_MS_MAX),
        boottime_ms=integer(boottime_ms, what, 0, TIME_MS_MAX),
        quality=member(quality, "the time quality", TimeQuality),
    )
