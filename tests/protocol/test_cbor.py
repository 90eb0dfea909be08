"""Deterministic CBOR: one value, one encoding, and nothing else is read."""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor
from protocol.errors import MalformedError, ProtocolError, TooLargeError
from tests.protocol.strategies import cbor_values, map_keys


@given(cbor_values())
def test_round_trip(value: object) -> None:
    """What is encoded is decoded to the same value."""
    assert cbor.decode(cbor.encode(value)) == value


@given(cbor_values())
def test_reader_agrees_with_cbor2(value: object) -> None:
    """Our reader reads what an independent reader reads."""
    encoded = cbor.encode(value)
    assert cbor.decode(encoded) == cbor2.loads(encoded)


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


def test_size_is_bounded_both_ways() -> None:
    """64 KiB is the largest encoding, and one byte more is told from other faults."""
    assert len(cbor.encode(bytes(65533))) == 65536
    with pytest.raises(TooLargeError):
        cbor.encode(bytes(65534))
    with pytest.raises(TooLargeError):
        cbor.decode(bytes(65537))
