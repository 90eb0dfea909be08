"""Deterministic CBOR: one value, one encoding, and nothing else is read."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import cbor
from protocol.errors import MalformedError, ProtocolError, TooLargeError
from tests.protocol import strict_reader
from tests.protocol.strategies import cbor_values, map_keys

if TYPE_CHECKING:
    from collections.abc import Callable

Outcome = tuple[type[ProtocolError] | None, object]


def _outcome(data: bytes, decode: Callable[[bytes], object]) -> Outcome:
    """Return what a reader makes of bytes: a value with all its types, or the class of its refusal."""
    try:
        return None, _typed(decode(data))
    except ProtocolError as error:
        return type(error), None


def _typed(value: object) -> object:
    """Return a value that equals another only if all types in it are the same too: True is not 1."""
    if isinstance(value, dict):
        return dict, [(_typed(key), _typed(item)) for key, item in value.items()]
    if isinstance(value, list):
        return list, [_typed(item) for item in value]
    return type(value), value


def _heads() -> st.SearchStrategy[bytes]:
    """Return heads of every major type in every length, shortest or not, indefinite or reserved."""
    sizes = {24: 1, 25: 2, 26: 4, 27: 8}
    return st.builds(
        lambda major, information, argument: (
            bytes([major << 5 | information])
            + argument.to_bytes(8, "big")[8 - sizes.get(information, 0) :][: sizes.get(information, 0)]
        ),
        st.integers(0, 7),
        st.integers(0, 31),
        st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1), st.sampled_from([255, 256, 65535, 65536, 2**32])),
    )


@given(cbor_values())
def test_round_trip(value: object) -> None:
    """What is encoded is decoded to the same value."""
    assert cbor.decode(cbor.encode(value)) == value


@given(cbor_values())
def test_reader_agrees_with_cbor2(value: object) -> None:
    """Our reader reads what an independent reader reads."""
    encoded = cbor.encode(value)
    assert cbor.decode(encoded) == cbor2.loads(encoded)


@settings(max_examples=400)
@given(
    st.one_of(st.binary(max_size=40), st.lists(st.one_of(_heads(), st.binary(max_size=9)), max_size=9).map(b"".join))
)
def test_readers_agree_on_any_bytes(data: bytes) -> None:
    """A reader that checks each head where it stands accepts the same bytes, with the same value and the same types."""
    assert _outcome(data, cbor.decode) == _outcome(data, strict_reader.decode)


@settings(max_examples=300)
@given(cbor_values(), st.data())
def test_readers_agree_on_damaged_encodings(value: object, data: st.DataObject) -> None:
    """They agree too where valid bytes have a few replaced, cut out or put in."""
    encoded = bytearray(cbor.encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(encoded)))
        end = data.draw(st.integers(start, min(len(encoded), start + 2)))
        encoded[start:end] = data.draw(st.one_of(_heads(), st.binary(max_size=3)))
    assert _outcome(bytes(encoded), cbor.decode) == _outcome(bytes(encoded), strict_reader.decode)


@pytest.mark.parametrize("content", ["00", "20", "40", "60", "80", "a0", "820102", "8161" + "61", "4101", "f6"])
def test_no_tag_is_ever_acted_upon(content: str) -> None:
    """Every tag is refused by us before anything is made of it, those that cbor2 knows by itself included."""
    for tag in (*range(1100), 43000, 55799, 2**16 - 1, 2**32 - 1, 2**64 - 1):
        head = bytearray(cbor2.dumps(tag))
        head[0] |= 0xC0
        with pytest.raises(MalformedError, match="a tag has no place"):
            cbor.decode(bytes(head) + bytes.fromhex(content))


@pytest.mark.parametrize("claim", ["9b", "bb", "5b", "7b"])
@pytest.mark.parametrize("number", [2**31 - 1, 2**40, 2**63 - 1, 2**64 - 1])
def test_what_is_claimed_takes_no_memory(claim: str, number: int) -> None:
    """A few bytes that claim a gigantic content are refused without room being made for it."""
    tracemalloc.start()
    with pytest.raises(MalformedError):
        cbor.decode(bytes.fromhex(claim) + number.to_bytes(8, "big") + b"\0")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * cbor.BYTES_MAX


@given(st.binary(max_size=60))
def test_only_the_one_encoding_is_accepted(data: bytes) -> None:
    """Bytes are either refused with a ProtocolError or re-encode to themselves."""
    try:
        value = cbor.decode(data)
    except ProtocolError:
        return
    assert cbor.encode(value) == data


@given(cbor_values(), st.data())
def test_mutated_encodings_are_refused_or_canonical(value: object, data: st.DataObject) -> None:
    """Valid bytes with one byte changed are either refused or re-encode to themselves."""
    encoded = bytearray(cbor.encode(value))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = cbor.decode(bytes(encoded))
    except ProtocolError:
        return
    assert cbor.encode(decoded) == encoded


@given(st.dictionaries(map_keys, st.just(0), min_size=2, max_size=8))
def test_keys_ascend_bytewise(content: dict[int | str, int]) -> None:
    """Map keys stand in the bytewise order of their encodings (RFC 8949 §4.2.1), not length first."""
    decoded = cbor2.loads(cbor.encode(content))
    keys = [cbor2.dumps(key) for key in decoded]
    assert keys == sorted(keys)


def test_negative_key_stands_after_a_longer_positive_one() -> None:
    """24 (two bytes) precedes -1 (one byte): here RFC 7049 and RFC 8949 differ."""
    assert cbor.encode({-1: 2, 24: 1}).hex() == "a2181801" + "2002"


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        ("", "empty"),
        ("1817", "23 in two bytes"),
        ("190017", "23 in three bytes"),
        ("1a0000ffff", "65535 in five bytes"),
        ("1b00000000ffffffff", "2^32-1 in nine bytes"),
        ("3817", "-24 in two bytes"),
        ("5800", "a long head for an empty byte string"),
        ("5f4100ff", "a byte string of indefinite length"),
        ("9f00ff", "a list of indefinite length"),
        ("bf0000ff", "a map of indefinite length"),
        ("f90000", "a half float"),
        ("fa00000000", "a single float"),
        ("fb0000000000000000", "a double"),
        ("f7", "undefined"),
        ("f8ff", "an extended simple value"),
        ("c249010000000000000000", "a bignum tag"),
        ("d82361", "a regular expression tag"),
        ("a201000100", "a repeated key"),
        ("a202000100", "unsorted keys"),
        ("a220001818" + "00", "keys sorted length first"),
        ("a1f500", "a boolean as key"),
        ("a1410000", "a byte string as key"),
        ("61ff", "text that is not UTF-8"),
        ("0000", "bytes left over"),
        ("8201", "a list cut off"),
        ("5a00010000", "a byte string longer than what is there"),
        ("9bffffffffffffffff", "a list that claims 2^64 entries"),
        ("81818181818181" + "00", "seven levels"),
        ("1c", "a reserved head"),
        ("ff", "a lone break"),
    ],
)
def test_other_forms_are_refused(octets: str, why: str) -> None:
    """Every form but the deterministic one is malformed."""
    with pytest.raises(MalformedError):
        cbor.decode(bytes.fromhex(octets))
    assert why


def test_six_levels_are_enough_and_the_limit() -> None:
    """Six nested containers encode and decode; seven do neither."""
    assert cbor.decode(bytes.fromhex("81" * 6 + "00")) == [[[[[[0]]]]]]
    with pytest.raises(MalformedError, match="6 containers"):
        cbor.encode([[[[[[[0]]]]]]])


@pytest.mark.parametrize("value", [1.0, 2**64, -(2**64) - 1, {1.5: 0}, {True: 0}, {b"": 0}, "\ud800", object()])
def test_foreign_values_are_not_encoded(value: object) -> None:
    """A value outside the model is refused when it is encoded."""
    with pytest.raises(MalformedError):
        cbor.encode(value)


@pytest.mark.parametrize("length", [0, 1, 23, 24, 255, 256, 65_000])
def test_octets_have_the_one_encoding(length: int) -> None:
    """The quick way to write a byte string writes what the general one does, at each length of a head."""
    content = bytes(length)
    assert cbor.encode_octets(content) == cbor.encode(content)


def test_size_is_bounded_both_ways() -> None:
    """64 KiB is the largest encoding, and one byte more is told from other faults."""
    assert len(cbor.encode(bytes(65533))) == 65536
    with pytest.raises(TooLargeError):
        cbor.encode(bytes(65534))
    with pytest.raises(TooLargeError):
        cbor.decode(bytes(65537))
