"""A sequence splits into what it was joined from, and is refused where it lost its form."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cbor, cose, sequence
from protocol.cose import Kind
from protocol.errors import MalformedError, ProtocolError, TooLargeError
from tests.protocol.strategies import DEVICE_KEY, cbor_values

sealed_messages = st.builds(lambda payload: cose.sign(Kind.BLOCK, payload, DEVICE_KEY), st.binary(max_size=60))
items = sealed_messages | cbor_values(5).map(cbor.encode)


@given(st.lists(items, max_size=5))
def test_split_undoes_join(listed: list[bytes]) -> None:
    """Whatever is joined comes apart again, byte for byte."""
    assert sequence.split(sequence.join(listed)) == tuple(listed)


@given(st.lists(sealed_messages, min_size=1, max_size=4), st.data())
def test_complete_messages_before_a_cut_are_given(listed: list[bytes], data: st.DataObject) -> None:
    """A file cut off anywhere gives each complete message before the cut, and then says that it is cut."""
    whole = b"".join(listed)
    cut = data.draw(st.integers(0, len(whole) - 1))
    ends = [end for end in accumulate(map(len, listed)) if end <= cut]
    iterator = sequence.each(whole[:cut])
    assert [next(iterator) for _ in ends] == listed[: len(ends)]
    if cut in (0, *ends):
        assert next(iterator, None) is None
    else:
        with pytest.raises(MalformedError, match="cut off"):
            next(iterator)


@given(st.binary(max_size=120))
def test_splitting_anything_gives_all_of_it_or_a_protocol_error(data: bytes) -> None:
    """Nothing is lost between the items, and nothing but a ProtocolError is raised."""
    try:
        listed = sequence.split(data)
    except ProtocolError:
        return
    assert b"".join(listed) == data


@pytest.mark.parametrize(
    "data",
    [
        b"\x9f\xff",
        b"\x5f\xff",
        b"\x18\x17",
        b"\x59\x00\x01x",
        b"\x1c",
        b"\xf9\x00\x00",
        b"\xf7",
        b"\xff",
        b"\xd2",
        b"\x82\x00",
        b"\xa1\x00",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xd2" * 50_000 + b"\x00",
        b"\x81" * 50_000 + b"\x00",
    ],
    ids=lambda data: data[:4].hex(),
)
def test_other_forms_are_malformed(data: bytes) -> None:
    """Indefinite lengths, long heads, floats, cut and too deep values end a sequence, behind a good value too."""
    iterator = sequence.each(b"\x00" + data)
    assert next(iterator) == b"\x00"
    with pytest.raises(MalformedError):
        next(iterator)


@pytest.mark.parametrize("data", [b"\x5a\x00\x01\x00\x00" + bytes(65536), b"\x9a\x00\x02\x00\x00" + bytes(131072)])
def test_one_value_has_its_limit(data: bytes) -> None:
    """A value beyond 64 KiB is refused as too large, however long the file is."""
    with pytest.raises(TooLargeError):
        sequence.split(data)
    assert len(sequence.split(cbor.encode(bytes(60_000)) * 3)) == 3


@pytest.mark.parametrize("item", [b"", b"\x00\x00", b"\x82\x00"])
def test_only_single_values_are_joined(item: bytes) -> None:
    """What is no single complete value cannot get into a sequence."""
    with pytest.raises(MalformedError):
        sequence.join([b"\x00", item])


def test_what_is_whole_before_a_cut_is_kept() -> None:
    """A sequence that is cut off gives its complete items together with what is wrong; a whole one gives no fault."""
    items = tuple(map(cbor.encode, ("one", 2, b"three")))
    assert sequence.split_whole(b"".join(items)) == (items, None)
    whole, fault = sequence.split_whole(b"".join(items)[:-1])
    assert whole == items[:2]
    assert isinstance(fault, MalformedError)
