"""How bytes and values go wrong: strategies that damage what is right, for the fuzz tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cbor2
from hypothesis import strategies as st

from tests.protocol.strategies import cbor_values, map_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

DAMAGED_BYTES_MAX = 8192
EDGES = (0, 1, 23, 24, 255, 256, 2**16, 2**32 - 1, 2**32, 2**48, 2**53, 2**63, 2**64 - 1, -1, -(2**64))


@st.composite
def damaged(draw: st.DrawFn, originals: Sequence[bytes]) -> bytes:
    """Draw one of the originals with bytes flipped, inserted, deleted, repeated, cut off or taken from another."""
    data = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        match draw(st.sampled_from(["flip", "insert", "delete", "splice", "repeat", "cut", "head"])):
            case "flip" if start < len(data):
                data = data[:start] + bytes([data[start] ^ draw(st.integers(1, 255))]) + data[start + 1 :]
            case "insert":
                data = data[:start] + draw(st.binary(max_size=8)) + data[start:]
            case "delete":
                data = data[:start] + data[min(end, start + 8) :]
            case "splice":
                other = draw(st.sampled_from(originals))
                data = data[:start] + other[draw(st.integers(0, len(other))) :]
            case "repeat":
                data = data[:start] + data[start:end] * draw(st.integers(2, 40)) + data[end:]
            case "cut":
                data = data[:start]
            case _:
                # A container or string that claims an absurd length.
                head = draw(st.sampled_from([b"\x5b", b"\x7b", b"\x9b", b"\xbb", b"\x9a", b"\xba", b"\x99"]))
                data = data[:start] + head + draw(st.binary(max_size=8)) + data[start:]
    return data[:DAMAGED_BYTES_MAX]


@st.composite
def bent(draw: st.DrawFn, content: object) -> object:
    """Draw a decoded value with some of the values inside it changed in type, size, number or place."""
    for _ in range(draw(st.integers(1, 2))):
        content = _bend(draw, content)
    return content


@st.composite
def foreign(draw: st.DrawFn, content: object) -> bytes:
    """Draw the encoding of a decoded value by a writer of plain CBOR, often with what MRC/1 has no place for."""
    strange = draw(
        st.floats(width=16)
        | st.sampled_from([cbor2.undefined, cbor2.CBORSimpleValue(99), 2**64, -(2**64) - 1])
        | st.tuples(st.integers(0, 300), st.text(max_size=3) | st.integers(0, 9)).map(lambda tag: cbor2.CBORTag(*tag))
        | st.dictionaries(st.floats(width=16) | st.binary(max_size=2) | st.booleans(), st.integers(0, 9), min_size=1)
    )
    if isinstance(content, dict):
        reverse = draw(st.booleans())
        place = draw(st.sampled_from([*content, len(content)]))
        entries = {**content, place: strange} if draw(st.booleans()) else content
        return cbor2.dumps(dict(sorted(entries.items(), key=str, reverse=reverse)))
    return cbor2.dumps([content, strange])


def _bend(draw: st.DrawFn, value: object) -> object:
    """Return the value with one change, somewhere inside it."""
    if isinstance(value, list | dict) and value and draw(st.integers(0, 3)):
        places = list(value) if isinstance(value, dict) else list(range(len(value)))
        place = draw(st.sampled_from(places))
        if isinstance(value, dict):
            return {**value, place: _bend(draw, value[place])}
        return [*value[:place], _bend(draw, value[place]), *value[place + 1 :]]
    return draw(_changes(value))


def _changes(value: object) -> st.SearchStrategy[object]:
    """Return what may stand in the place of a value."""
    other: st.SearchStrategy[object] = cbor_values(1) | st.sampled_from(EDGES)
    match value:
        case int() if not isinstance(value, bool):
            similar: st.SearchStrategy[object] = st.integers(-2, 2).map(lambda step: value + step) | st.just(-1 - value)
        case bytes():
            similar = st.sampled_from([value[:-1], value + b"\x00", value * 20, b""])
        case str():
            similar = st.sampled_from([value[:-1], value + "\u00e9", value * 20, ""])
        case list():
            longer = st.integers(2, 4096).map(lambda times: (value * times)[:4100])
            similar = st.sampled_from([value[:-1], value[::-1], [value]]) | longer
        case dict():
            fewer = st.sampled_from([{k: v for k, v in value.items() if k != key} for key in value] or [{}])
            more = st.tuples(map_keys, cbor_values(1)).map(lambda entry: {**value, entry[0]: entry[1]})
            similar = fewer | more
        case _:
            similar = other
    return similar | other
