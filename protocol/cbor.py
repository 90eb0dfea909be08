"""Strict deterministic CBOR: one value, one encoding (RFC 8949 §4.2.1, https://www.rfc-editor.org/rfc/rfc8949).

Values are integers of at most 64 bits, booleans, null, byte and text strings, lists, and maps whose keys are integers
or text. Floats and tags are not part of MRC/1. A container counts one level of depth, the outermost being level 1.

cbor2 writes. Its `canonical` mode is not used; it sorts keys by length first, as RFC 7049 §3.9 did (-1 before 24);
§4.2.1 sorts them bytewise. This module reads by itself: cbor2 turns tags from strangers into live objects (regular
expressions, shared and cyclic references, decimals of any exponent) before anyone could object, and a reader that
knows seven kinds of value and checks the one form while it reads is shorter than the fences around another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import cbor2

from protocol.errors import MalformedError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES_MAX = 65536
DEPTH_MAX = 6
INTEGER_MAX = 2**64 - 1
INTEGER_MIN = -(2**64)

_IN_HEAD = 24
_SHORTEST_BY_INFORMATION = {24: 24, 25: 2**8, 26: 2**16, 27: 2**32}
_SIMPLE: dict[int, bool | None] = {20: False, 21: True, 22: None}


def encode(value: object) -> bytes:
    """Return the one encoding of `value`.

    Raises TooLargeError beyond 64 KiB and MalformedError for a value outside the types above, an integer beyond 64 bits
    or a depth beyond 6.
    """
    encoded = cbor2.dumps(_in_order(value, 1))
    if len(encoded) > BYTES_MAX:
        message = f"the encoding takes {len(encoded)} bytes and {BYTES_MAX} is the limit: send fewer records at once"
        raise TooLargeError(message)
    return encoded


def decode(data: bytes) -> object:
    """Return the value that `data` encodes, if `data` is the one encoding of it; lists are lists, maps are dicts.

    Raises TooLargeError beyond 64 KiB, and MalformedError for everything that `encode` would not have written: floats,
    tags, indefinite lengths, longer than shortest heads, keys unsorted or repeated, depth beyond 6, bytes left over.
    """
    if len(data) > BYTES_MAX:
        message = f"{len(data)} bytes arrived and {BYTES_MAX} is the limit"
        raise TooLargeError(message)
    reader = _Reader(data)
    value = reader.value(1)
    if reader.position != len(data):
        message = f"{len(data) - reader.position} bytes are left over after the end of the value"
        raise MalformedError(message)
    return value


def _in_order(value: object, depth: int) -> object:
    """Return `value` in plain types, its maps in wire order, so that an order-keeping writer writes the one form."""
    if value is None or isinstance(value, bool | bytes):
        return value
    if isinstance(value, int):
        if not INTEGER_MIN <= value <= INTEGER_MAX:
            message = f"the integer {value} does not fit in 64 bits"
            raise MalformedError(message)
        return int(value)
    if isinstance(value, str):
        return _utf8(value).decode("utf-8")
    if depth > DEPTH_MAX:
        message = f"the value is nested more than {DEPTH_MAX} containers deep"
        raise MalformedError(message)
    if isinstance(value, list | tuple):
        return [_in_order(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        ordered = sorted(value, key=_key_order)
        return {_in_order(key, depth + 1): _in_order(value[key], depth + 1) for key in ordered}
    message = f"a {type(value).__name__} has no place in MRC/1"
    raise MalformedError(message)


def _key_order(key: object) -> tuple[int, int, bytes]:
    """Return what sorts keys as their encodings sort bytewise: major type, then argument, then content."""
    if isinstance(key, int) and not isinstance(key, bool):
        return (0, key, b"") if key >= 0 else (1, -1 - key, b"")
    if isinstance(key, str):
        content = _utf8(key)
        return (3, len(content), content)
    message = f"a map key must be an integer or a text, not a {type(key).__name__}"
    raise MalformedError(message)


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"the text {text!r:.80} cannot be written in UTF-8"
        raise MalformedError(message) from error


class _Reader:
    """A cursor over bytes that accepts the deterministic form only."""

    __slots__ = ("_data", "position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def value(self, depth: int) -> object:
        """Return the value at the cursor, `depth` being its level should it be a container."""
        major, information = self._initial()
        if major == 0 and information < _IN_HEAD:
            return information
        return _READ_BY_MAJOR[major](self, information, depth)

    def _initial(self) -> tuple[int, int]:
        if self.position >= len(self._data):
            message = f"the value is cut off after {self.position} bytes"
            raise MalformedError(message)
        initial = self._data[self.position]
        self.position += 1
        return initial >> 5, initial & 0x1F

    def _argument(self, information: int) -> int:
        """Return the argument of a head (RFC 8949 §3), refusing every form but the shortest."""
        if information not in _SHORTEST_BY_INFORMATION:
            if information < _IN_HEAD:
                return information
            message = f"the head before byte {self.position} has an indefinite length or a reserved form"
            raise MalformedError(message)
        argument = int.from_bytes(self._take(1 << (information - _IN_HEAD)), "big")
        if argument < _SHORTEST_BY_INFORMATION[information]:
            message = f"the number {argument} before byte {self.position} is not in its shortest form"
            raise MalformedError(message)
        return argument

    def _take(self, length: int) -> bytes:
        end = self.position + length
        if end > len(self._data):
            message = f"the value is cut off: {end} bytes needed, {len(self._data)} present"
            raise MalformedError(message)
        taken = self._data[self.position : end]
        self.position = end
        return taken

    def unsigned(self, information: int, _depth: int) -> int:
        return self._argument(information)

    def negative(self, information: int, _depth: int) -> int:
        return -1 - self._argument(information)

    def octets(self, information: int, _depth: int) -> bytes:
        return self._take(self._argument(information))

    def text(self, information: int, _depth: int) -> str:
        content = self._take(self._argument(information))
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"the text before byte {self.position} is not UTF-8"
            raise MalformedError(message) from error

    def array(self, information: int, depth: int) -> list[object]:
        length = self._length(information, depth, octets_per_entry=1)
        return [self.value(depth + 1) for _ in range(length)]

    def map(self, information: int, depth: int) -> dict[int | str, object]:
        """Return a map; keys must ascend strictly in their encoded form, which also rules out repeats."""
        length = self._length(information, depth, octets_per_entry=2)
        content: dict[int | str, object] = {}
        previous = b""
        for _ in range(length):
            start = self.position
            key = self.value(depth + 1)
            encoded = self._data[start : self.position]
            if isinstance(key, bool) or not isinstance(key, int | str):
                message = f"the map key before byte {self.position} is neither an integer nor a text"
                raise MalformedError(message)
            if encoded <= previous:
                message = f"the map key {key!r:.80} before byte {self.position} is out of order or repeated"
                raise MalformedError(message)
            previous = encoded
            content[key] = self.value(depth + 1)
        return content

    def _length(self, information: int, depth: int, *, octets_per_entry: int) -> int:
        """Return how many entries a container has, refusing more than the bytes at hand could hold."""
        if depth > DEPTH_MAX:
            message = f"the value is nested more than {DEPTH_MAX} containers deep"
            raise MalformedError(message)
        length = self._argument(information)
        if length * octets_per_entry > len(self._data) - self.position:
            message = f"a container before byte {self.position} claims {length} entries, more than there are bytes for"
            raise MalformedError(message)
        return length

    def tag(self, information: int, _depth: int) -> object:
        message = f"the tag {self._argument(information)} before byte {self.position} has no place in MRC/1"
        raise MalformedError(message)

    def simple(self, information: int, _depth: int) -> bool | None:
        if information not in _SIMPLE:
            message = f"a float or an unassigned simple value before byte {self.position} has no place in MRC/1"
            raise MalformedError(message)
        return _SIMPLE[information]


_READ_BY_MAJOR: tuple[Callable[[_Reader, int, int], object], ...] = (
    _Reader.unsigned,
    _Reader.negative,
    _Reader.octets,
    _Reader.text,
    _Reader.array,
    _Reader.map,
    _Reader.tag,
    _Reader.simple,
)
