"""Properties of framing: requests survive any cut, and broken ones never pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.frames import (
    AsciiRequest,
    AsciiRequests,
    FramingLostError,
    RtuRequest,
    RtuRequests,
    TcpRequest,
    TcpRequests,
    crc16,
    lrc,
    with_crc,
)

WATTNODE_REQUEST = bytes.fromhex("010304B0001584D2")
"""Continental Control Systems' example, https://ctlsys.com/support/modbus_message_examples/."""
EXAMPLE = RtuRequest(1, WATTNODE_REQUEST[1:-2])

READS = st.builds(
    lambda unit, code, rest: RtuRequest(unit, bytes((code,)) + rest),
    st.integers(0, 255),
    st.sampled_from([1, 3, 4, 6]),
    st.binary(min_size=4, max_size=4),
)
REPORTS = st.integers(0, 255).map(lambda unit: RtuRequest(unit, b"\x11"))
WRITES = st.builds(
    lambda unit, content: RtuRequest(unit, bytes((16, 0, 1, 0, len(content) // 2, len(content))) + content),
    st.integers(0, 255),
    st.binary(min_size=2, max_size=20),
)
REQUESTS = st.lists(st.one_of(READS, REPORTS, WRITES), max_size=6)
CUTS = st.lists(st.integers(1, 9), min_size=1)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    """Return the stream cut into pieces of the lengths in `cuts`, over and over."""
    result: list[bytes] = []
    position = 0
    while position < len(stream):
        length = cuts[len(result) % len(cuts)]
        result.append(stream[position : position + length])
        position += length
    return result


def test_check_sum_of_the_vendors_example() -> None:
    """The vendor's request and reply carry the check sums we compute."""
    assert with_crc(WATTNODE_REQUEST[:-2]) == WATTNODE_REQUEST
    assert crc16(WATTNODE_REQUEST) == 0
    reply = "01032A0140000001400000014000000140000007170265023E0273049F04BC046D04B3080107EF07E7082C0258C3FC"
    assert crc16(bytes.fromhex(reply)) == 0


@given(REQUESTS, CUTS)
def test_rtu_requests_survive_any_cut(requests: list[RtuRequest], cuts: list[int]) -> None:
    """However a stream of whole requests is cut or glued, the same requests come out in order."""
    line = RtuRequests()
    stream = b"".join(request.frame(request.pdu) for request in requests)
    assert [request for piece in pieces(stream, cuts) for request in line.feed(piece)] == requests


@given(st.binary(max_size=7), READS, st.integers(0, 7), st.integers(0, 7))
def test_a_request_after_a_broken_one_is_heard(noise: bytes, request: RtuRequest, octet: int, bit: int) -> None:
    """A frame with one wrong bit passes as nothing; a whole frame behind it is found at once."""
    broken = bytearray(request.frame(request.pdu))
    broken[octet] ^= 1 << bit
    line = RtuRequests()
    assert line.feed(noise + bytes(broken))[-1:] != [request]
    assert line.feed(WATTNODE_REQUEST)[-1] == EXAMPLE


def test_an_unknown_function_ends_where_its_check_sum_agrees() -> None:
    """A request of a function without a known length is whole when the check sum says so."""
    line = RtuRequests()
    frame = with_crc(bytes((1, 65, 1, 2, 3)))
    assert line.feed(frame[:-1]) == []
    assert line.feed(frame[-1:] + WATTNODE_REQUEST) == [RtuRequest(1, bytes((65, 1, 2, 3))), EXAMPLE]


def test_noise_is_not_kept_for_ever() -> None:
    """However much noise comes, the next whole request is heard."""
    line = RtuRequests()
    for _ in range(20):
        assert line.feed(b"\xff" * 100) == []
    assert line.feed(WATTNODE_REQUEST) == [EXAMPLE]


ASCII_REQUESTS = st.lists(st.builds(AsciiRequest, st.integers(0, 255), st.binary(min_size=1, max_size=30)), max_size=6)


@given(ASCII_REQUESTS, CUTS, st.binary(max_size=5))
def test_ascii_requests_survive_any_cut_and_noise(requests: list[AsciiRequest], cuts: list[int], noise: bytes) -> None:
    """However a stream of ASCII frames is cut or glued, and whatever stands before it, the same requests come out."""
    stream = b"".join(request.frame(request.pdu) for request in requests)
    line = AsciiRequests()
    assert [request for piece in pieces(noise + stream, cuts) for request in line.feed(piece)] == requests


def test_ascii_frames_are_as_specified() -> None:
    """A reading of two words from unit 17 has the LRC that makes its octets add up to zero."""
    assert AsciiRequest(17, b"").frame(bytes.fromhex("03006B0002")) == b":1103006B00027F\r\n"
    assert lrc(bytes.fromhex("1103006B0002")) == 0x7F


@pytest.mark.parametrize(
    "line", [b":1103006B00027E", b":1103006B0002", b"1103006B00027F", b":1103006b00027f", b":117F", b""]
)
def test_broken_ascii_lines_are_passed_over(line: bytes) -> None:
    """A wrong check sum, a missing colon or digit, and small letters make no request; the next line is heard."""
    heard = AsciiRequests().feed(line + b"\r\n" + AsciiRequest(1, b"\x11").frame(b"\x11"))
    assert heard == [AsciiRequest(1, b"\x11")]


TCP_REQUESTS = st.lists(
    st.builds(TcpRequest, st.integers(0, 65535), st.integers(0, 255), st.binary(min_size=1, max_size=30)), max_size=6
)


@given(TCP_REQUESTS, CUTS)
def test_tcp_requests_survive_any_cut(requests: list[TcpRequest], cuts: list[int]) -> None:
    """However a stream of MBAP frames is cut or glued, the same requests come out in order."""
    stream = b"".join(request.frame(request.pdu) for request in requests)
    connection = TcpRequests()
    assert [request for piece in pieces(stream, cuts) for request in connection.feed(piece)] == requests


@pytest.mark.parametrize("header", ["00010001000601", "00010000000101", "0001000000FF01"])
def test_lost_tcp_framing_is_not_guessed(header: str) -> None:
    """Another protocol, or a length that no request has, ends the conversation."""
    with pytest.raises(FramingLostError, match="not Modbus TCP"):
        TcpRequests().feed(bytes.fromhex(header))


def test_a_reply_repeats_transaction_and_unit() -> None:
    """The header of a reply is the request's with the reply's own length."""
    assert TcpRequest(0x1234, 7, b"").frame(b"\x03\x02\x00\x05").hex() == "123400000005" + "07" + "03020005"
