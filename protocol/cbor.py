"""Strict deterministic CBOR: one value, one encoding (RFC 8949 §4.2.1, https://www.rfc-editor.org/rfc/rfc8949).

Values are integers of at most 64 bits, booleans, null, byte and text strings, lists, and maps whose keys are integers
or text. Floats and tags are not part of MRC/1. A container counts one level of depth, the outermost being level 1.

cbor2 reads and writes; what it reads is believed only after three checks. Every tag is refused while it is read, those
that cbor2 would turn into live objects included (regular expressions, shared and cyclic references, decimals of any
exponent). Every value must be of the kinds above, and map keys must ascend. And the one encoding of the value must be
as long as the bytes it came from: with indefinite lengths refused too, every other form is longer (a head that could
be shorter, bytes left over). cbor2's `canonical` mode is not used; it sorts keys by length first, as RFC 7049 §3.9 did
(-1 before 24); §4.2.1 sorts them bytewise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn

import cbor2

from protocol.errors import MalformedError, TooLargeError

BYTES_MAX = 65536
DEPTH_MAX = 6
INTEGER_MAX = 2**64 - 1
INTEGER_MIN = -(2**64)

_IN_HEAD = 24
_IN_ONE = 2**8
_IN_TWO = 2**16
_IN_FOUR = 2**32
"""A head is 1, 2, 3 or 5 bytes long for a number below each of these limits, and 9 beyond (RFC 8949 §3)."""
_OCTETS = 0x40
_AS_THEY_ARE = frozenset({bool, bytes})
_BUILT_IN_TAGS = (
    *(0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100),
    *(256, 258, 260, 261, 1004, 43000, 55799),
)
"""Those that cbor2 knows by itself; it asks its `tag_hook` for all others."""


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


def encode_octets(content: bytes) -> bytes:
    """Return the one encoding of a byte string of any length, quickly."""
    length = len(content)
    if length < _IN_HEAD:
        return bytes((_OCTETS | length,)) + content
    if length < _IN_ONE:
        return bytes((_OCTETS | _IN_HEAD, length)) + content
    more = 2 if length < _IN_TWO else 4
    return bytes((_OCTETS | _IN_HEAD + more.bit_length() - 1,)) + length.to_bytes(more, "big") + content


def decode(data: bytes) -> object:
    """Return the value that `data` encodes, if `data` is the one encoding of it; lists are lists, maps are dicts.

    Raises TooLargeError beyond 64 KiB, and MalformedError for everything that `encode` would not have written: floats,
    tags, indefinite lengths, longer than shortest heads, keys unsorted or repeated, depth beyond 6, bytes left over.
    """
    if len(data) > BYTES_MAX:
        message = f"{len(data)} bytes arrived and {BYTES_MAX} is the limit"
        raise TooLargeError(message)
    try:
        value: object = cbor2.loads(
            data,
            tag_hook=_refuse_tag,
            semantic_decoders=_SEMANTIC_DECODERS,
            max_depth=DEPTH_MAX,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except cbor2.CBORError as error:
        message = f"the bytes are not deterministic CBOR: {error.__cause__ or error}"
        raise MalformedError(message) from error
    length = _measure(value)
    if length != len(data):
        message = (
            f"{len(data)} bytes encode what takes {length}: a head is not in its shortest form, or bytes are left over"
        )
        raise MalformedError(message)
    return value


def _in_order(value: object, depth: int) -> object:
    """Return `value` in plain types, its maps in wire order, so that an order-keeping writer writes the one form."""
    if value is None or type(value) in _AS_THEY_ARE:
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


def _measure(value: object) -> int:
    """Return how long the one encoding of a decoded value is.

    Refuses what holds anything but the kinds of MRC/1, or a map out of order.
    """
    length = 0
    waiting: list[Iterable[object]] = [(value,)]
    for items in waiting:
        for item in items:
            # What the head holds: the number itself, or how much follows.
            if type(item) is int:
                argument = item if item >= 0 else ~item
            elif isinstance(item, bytes):
                argument = len(item)
                length += argument
            elif isinstance(item, list):
                argument = len(item)
                waiting.append(item)
            elif isinstance(item, dict):
                argument = len(item)
                length += _measure_keys(item)
                waiting.append(item.values())
            else:
                argument = _measure_word(item)
                length += argument
            if argument < _IN_HEAD:
                length += 1
            elif argument < _IN_ONE:
                length += 2
            elif argument < _IN_TWO:
                length += 3
            else:
                length += 5 if argument < _IN_FOUR else 9
    return length


def _measure_word(item: object) -> int:
    """Return how many bytes follow the head of a text, 0 for true, false and null; refuses everything else."""
    if isinstance(item, str):
        return len(item) if item.isascii() else len(item.encode("utf-8"))
    if item is None or isinstance(item, bool):
        return 0
    message = f"a {type(item).__name__} has no place in MRC/1"
    raise MalformedError(message)


def _measure_keys(content: dict[int, object]) -> int:
    """Return how long the keys of a map are as encoded.

    Refuses those that are no integers or texts, or do not ascend as encoded; repeated ones cbor2 has refused.
    """
    last = -1
    for key in content:
        # Nearly all maps have such keys only, which are encoded in the order of their values and in a byte each.
        if type(key) is not int or not last < key < _IN_HEAD:
            break
        last = key
    else:
        return len(content)
    keys = list(content)
    if keys != sorted(keys, key=_key_order):
        message = f"the map keys {keys!r:.80} do not ascend in their encoded form"
        raise MalformedError(message)
    return sum(map(_measure, keys))


def _refuse_tag(*_tag: object) -> NoReturn:
    message = "a tag has no place in MRC/1"
    raise MalformedError(message)


_SEMANTIC_DECODERS = dict.fromkeys(_BUILT_IN_TAGS, _refuse_tag)
