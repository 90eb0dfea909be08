"""A reader of deterministic CBOR that knows nothing but RFC 8949: what `protocol.cbor` is compared with.

It reads byte by byte and refuses every other form where it stands, so it is slow and easy to check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.cbor import BYTES_MAX, DEPTH_MAX
from protocol.errors import MalformedError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable

_IN_HEAD = 24
_SHORTEST_BY_INFORMATION = {24: 24, 25: 2**8, 26: 2**16, 27: 2**32}
_SIMPLE: dict[int, bool | None] = {20: False, 21: True, 22: None}


def decode(data: bytes) -> object:
    """Return the value that `data` is the one encoding of; raises MalformedError or TooLargeError."""
    if len(data) > BYTES_MAX:
        message = f"{len(data)} bytes arrived and {BYTES_MAX} is the limit"
        raise TooLargeError(message)
    reader = _Reader(data)
    value = reader.value(1)
    if reader.position != len(data):
        message = f"{len(data) - reader.position} bytes are left over after the end of the value"
        raise MalformedError(message)
    return value


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
