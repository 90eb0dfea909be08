"""Which octets may be the answer to a request: exactly the answer, and every beginning of it, in each framing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.frames import (
    WRONG_CHECK_SUM,
    ascii_body,
    ascii_fault,
    crc16,
    rtu_body,
    rtu_fault,
    tcp_body,
    tcp_fault,
)
from edge.metering.requests import READ_DEVICE_IDENTIFICATION, REPORT_SERVER_ID, Request

if TYPE_CHECKING:
    from collections.abc import Callable

UNITS = st.integers(1, 247)
WORD_REQUESTS = st.builds(Request, UNITS, st.sampled_from([3, 4]), st.integers(1, 125))
REQUESTS = st.one_of(
    WORD_REQUESTS,
    st.builds(Request, UNITS, st.just(REPORT_SERVER_ID)),
    st.builds(Request, UNITS, st.just(READ_DEVICE_IDENTIFICATION)),
)
TRANSACTION = b"\x12\x34"


def rtu(body: bytes) -> bytes:
    """Return a serial frame: the body and its check sum, low octet first."""
    return body + crc16(body).to_bytes(2, "little")


def ascii_frame(body: bytes) -> bytes:
    """Return an ASCII frame: colon, digits, check sum, line end."""
    return b":" + (body + bytes([-sum(body) % 256])).hex().upper().encode() + b"\r\n"


def tcp(body: bytes, transaction: bytes = TRANSACTION) -> bytes:
    """Return a TCP frame: transaction, protocol 0, length, body."""
    return transaction + b"\0\0" + len(body).to_bytes(2, "big") + body


@dataclass(frozen=True, slots=True)
class Framing:
    """How a frame is made, judged and opened."""

    frame: Callable[[bytes], bytes]
    fault: Callable[[bytes, Request], str | None]
    body: Callable[[bytes, Request], bytes | None]


FRAMINGS = {
    "rtu": Framing(rtu, rtu_fault, rtu_body),
    "ascii": Framing(ascii_frame, ascii_fault, ascii_body),
    "tcp": Framing(tcp, lambda octets, request: tcp_fault(octets, request, TRANSACTION), tcp_body),
}
ALL_FRAMINGS = pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)


def answer(request: Request) -> bytes:
    """Return unit, function and content of a good answer."""
    head = bytes([request.unit, request.function_code])
    if request.function_code == REPORT_SERVER_ID:
        return head + b"\x05\x2a\xffABC"
    if request.function_code == READ_DEVICE_IDENTIFICATION:
        return head + b"\x0e\x01\x01\0\0\x03" + b"\0\4Acme" + b"\1\2M1" + b"\2\0"
    return head + bytes([2 * request.count]) + bytes(2 * request.count)


def test_the_check_sum_of_a_published_exchange() -> None:
    """Request and reply of CCS's example both have the check sum of clause 6.2.2."""
    # https://ctlsys.com/support/modbus_message_examples/
    assert crc16(bytes.fromhex("010304B0001584D2")) == 0
    reply = bytes.fromhex(
        "01032A0140000001400000014000000140000007170265023E0273049F04BC046D04B3080107EF07E7082C0258C3FC"
    )
    assert rtu_fault(reply, Request(1, 3, 21)) is None


@ALL_FRAMINGS
@given(request=REQUESTS)
def test_every_beginning_of_the_answer_is_good(framing: Framing, request: Request) -> None:
    """However an answer is cut into pieces, nothing is wrong with it, and its body is there only when it has ended."""
    body = answer(request)
    frame = framing.frame(body)
    assert [framing.fault(frame[:end], request) for end in range(len(frame) + 1)] == [None] * (len(frame) + 1)
    assert [framing.body(frame[:end], request) for end in range(len(frame))] == [None] * len(frame)
    assert framing.body(frame, request) == body[1:]


@ALL_FRAMINGS
@given(request=REQUESTS, code=st.integers(1, 11))
def test_an_exception_is_an_answer(framing: Framing, request: Request, code: int) -> None:
    """A refusal by the right unit to the right function passes."""
    body = bytes([request.unit, request.function_code | 0x80, code])
    assert framing.fault(framing.frame(body), request) is None
    assert framing.body(framing.frame(body), request) == body[1:]


@ALL_FRAMINGS
@given(request=REQUESTS, other=REQUESTS)
def test_the_answer_to_another_request_is_none(framing: Framing, request: Request, other: Request) -> None:
    """An answer passes only if unit, function and number of words are those asked for."""
    assert (framing.fault(framing.frame(answer(other)), request) is None) == (request == other)


@given(request=REQUESTS, position=st.integers(0, 600), bit=st.integers(0, 6))
def test_a_flipped_bit_of_an_ascii_frame_is_noticed(request: Request, position: int, bit: int) -> None:
    """No single wrong bit of the seven goes through, except that a digit may be a small letter."""
    frame = bytearray(ascii_frame(answer(request)))
    position %= len(frame)
    frame[position] ^= 1 << bit
    is_taken = ascii_fault(bytes(frame), request) is None and ascii_body(bytes(frame), request) is not None
    assert is_taken == (bytes(frame).upper() == ascii_frame(answer(request)))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b"\x00:010302", "begins with"),
        (b":0103020001F8\r\n", WRONG_CHECK_SUM),
        (b":0103020001F9\n\r", "does not end"),
        (b":0103020001F9F9", "does not end"),
        (b":010302000GF9\r\n", "no hexadecimal digits"),
        (b":01 3", "no hexadecimal digits"),
        (b":0203", "unit 2"),
        (b":0104", "function 4"),
    ],
)
def test_each_way_in_which_an_ascii_frame_is_broken(frame: bytes, words: str) -> None:
    """A broken ASCII frame is named by what is wrong with it."""
    assert words in (ascii_fault(frame, Request(1, 3, 1)) or "")


@given(request=REQUESTS, position=st.integers(0, 254), bit=st.integers(0, 7))
def test_a_flipped_bit_on_the_line_is_noticed(request: Request, position: int, bit: int) -> None:
    """No single wrong bit in a serial answer goes through: it is a fault, or a frame that stays incomplete."""
    frame = bytearray(rtu(answer(request)))
    position %= len(frame)
    frame[position] ^= 1 << bit
    fault = rtu_fault(bytes(frame), request)
    assert fault is not None or rtu_body(bytes(frame), request) is None
    assert position < len(frame) - 2 or fault == WRONG_CHECK_SUM


@ALL_FRAMINGS
@given(request=REQUESTS, surplus=st.binary(min_size=1, max_size=8))
def test_surplus_octets_are_a_fault(framing: Framing, request: Request, surplus: bytes) -> None:
    """An answer with something glued to it is none."""
    assert framing.fault(framing.frame(answer(request)) + surplus, request) is not None


@given(request=REQUESTS, transaction=st.binary(min_size=2, max_size=2))
def test_a_tcp_answer_names_its_transaction(request: Request, transaction: bytes) -> None:
    """An answer to any other transaction, zero included, is refused."""
    fault = tcp_fault(tcp(answer(request), transaction), request, TRANSACTION)
    assert (fault is None) == (transaction == TRANSACTION)


@pytest.mark.parametrize(
    "frame", [b"\x12\x34\0\1\0\5\1\3\2\0\0", b"\x12\x34\0\0\0\6\1\3\2\0\0", b"\x12\x34\0\0\0\4\1\3\2\0\0"]
)
def test_a_tcp_head_that_lies_is_refused(frame: bytes) -> None:
    """Another protocol, or a length that is not that of the words asked for, is refused."""
    assert tcp_fault(frame, Request(1, 3, 1), TRANSACTION) is not None


@pytest.mark.parametrize(
    "frame", ["1234 0000 0002 01 11", "1234 0000 0003 01 2B 0E", "1234 0000 0006 01 2B 0E 01 01 00"]
)
def test_a_tcp_head_that_ends_before_the_body_can_is_refused(frame: str) -> None:
    """A stated length that is over before the body says its own is no answer, and nothing waits for more."""
    octets = bytes.fromhex(frame)
    assert "length" in (tcp_fault(octets, Request(1, octets[7]), TRANSACTION) or "")
