"""CBOR sequences (RFC 8742): sealed messages one after another, as they stand in a file or in the body of a request.

Nothing frames the messages but their own encoding, so only the heads on the way to the next message are looked at, and
those in their one form; what is inside byte strings is for `protocol.wire` to judge, message by message. A file that is
cut off gives its complete messages first and the refusal after them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol import cbor
from protocol.errors import MalformedError, ProtocolError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UNSIGNED, _NEGATIVE, _OCTETS, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_IN_HEAD = 24
_LEAST_BY_INFORMATION = {24: 24, 25: 2**8, 26: 2**16, 27: 2**32}
_INFORMATION_MAX = max(_LEAST_BY_INFORMATION)
_LITERALS = range(20, 23)
# A tag is no container, yet each must count, or a run of tags would be as deep as it is long.
_DEPTH_MAX = cbor.DEPTH_MAX + 1


def split(data: bytes) -> tuple[bytes, ...]:
    """Return the complete encodings that `data` is made of, in order; raises as `each` does."""
    return tuple(each(data))


def split_whole(data: bytes) -> tuple[tuple[bytes, ...], ProtocolError | None]:
    """Return the complete encodings before the first that cannot be read, and what is wrong there, None if nothing."""
    whole: list[bytes] = []
    try:
        for item in each(data):
            whole.append(item)  # noqa: PERF402 - what came before a refusal counts
    except ProtocolError as error:
        return tuple(whole), error
    return tuple(whole), None


def join(items: Iterable[bytes]) -> bytes:
    """Return one sequence of these complete encodings; raises MalformedError for one that is not exactly one."""
    listed = tuple(items)
    for item in listed:
        if not item or _skip(item, 0, cbor.BYTES_MAX, 1) != len(item):
            message = f"{len(item)} bytes cannot stand in a sequence: they are not exactly one value"
            raise MalformedError(message)
    return b"".join(listed)


def each(data: bytes) -> Iterator[bytes]:
    """Yield the complete encodings that `data` is made of, one by one.

    Raises MalformedError where the next one is cut off, has an indefinite length, a head that is not the shortest, a
    float or more than 6 nested containers, and TooLargeError where it has more than 64 KiB.
    """
    start = 0
    while start < len(data):
        end = _skip(data, start, start + cbor.BYTES_MAX, 1)
        yield data[start:end]
        start = end


def _skip(data: bytes, position: int, limit: int, depth: int) -> int:
    """Return where the value at `position` ends, which must be neither beyond `limit` nor beyond the data."""
    if depth > _DEPTH_MAX:
        message = f"the value before byte {position} is nested more than {cbor.DEPTH_MAX} containers deep"
        raise MalformedError(message)
    major, argument, position = _head(data, position, limit)
    if major in (_OCTETS, _TEXT):
        return _within(data, position + argument, limit)
    if major in (_UNSIGNED, _NEGATIVE, _SIMPLE):
        return position
    for _ in range({_ARRAY: argument, _MAP: 2 * argument, _TAG: 1}[major]):
        position = _skip(data, position, limit, depth + 1)
    return position


def _head(data: bytes, position: int, limit: int) -> tuple[int, int, int]:
    """Return major type, argument and the position after the head at `position` (RFC 8949 §3)."""
    after = _within(data, position + 1, limit)
    major, information = data[position] >> 5, data[position] & 0x1F
    if (major == _SIMPLE and information not in _LITERALS) or information > _INFORMATION_MAX:
        message = f"the head at byte {position} has an indefinite length, a float or a reserved form"
        raise MalformedError(message)
    if information < _IN_HEAD:
        return major, information, after
    end = _within(data, after + (1 << (information - _IN_HEAD)), limit)
    argument = int.from_bytes(data[after:end], "big")
    if argument < _LEAST_BY_INFORMATION[information]:
        message = f"the number {argument} at byte {position} is not in its shortest form"
        raise MalformedError(message)
    return major, argument, end


def _within(data: bytes, end: int, limit: int) -> int:
    if end > limit:
        message = f"a value in the sequence goes on beyond byte {limit}: {cbor.BYTES_MAX} bytes are the limit for one"
        raise TooLargeError(message)
    if end > len(data):
        message = f"the sequence is cut off: {end} bytes needed, {len(data)} present"
        raise MalformedError(message)
    return end
