"""Which octets may be the answer to a request: exactly the answer, and every beginning of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.metering.frames import crc16, rtu_fault, tcp_fault
from edge.metering.requests import Request

REQUESTS = st.builds(Request, st.integers(1, 247), st.sampled_from([3, 4]), st.integers(1, 125))
TRANSACTION = b"\x12\x34"


def rtu(body: bytes) -> bytes:
    """Return a serial frame: the body and its check sum, low octet first."""
    return body + crc16(body).to_bytes(2, "little")


def tcp(body: bytes, transaction: bytes = TRANSACTION) -> bytes:
    """Return a TCP frame: transaction, protocol 0, length, body."""
    return transaction + b"\0\0" + len(body).to_bytes(2, "big") + body


def answer(request: Request) -> bytes:
    """Return unit, function, byte count and words of a good answer."""
    return bytes([request.unit, request.function_code, 2 * request.count]) + bytes(2 * request.count)


def test_the_check_sum_of_a_published_exchange() -> None:
    """Request and reply of CCS's example both have the check sum of clause 6.2.2."""
    # https://ctlsys.com/support/modbus_message_examples/
    assert crc16(bytes.fromhex("010304B0001584D2")) == 0
    reply = bytes.fromhex(
        "01032A0140000001400000014000000140000007170265023E0273049F04BC046D04B3080107EF07E7082C0258C3FC"
    )
    assert rtu_fault(reply, Request(1, 3, 21)) is None


@given(request=REQUESTS)
def test_every_beginning_of_the_answer_is_good(request: Request) -> None:
    """However an answer is cut into pieces, nothing is wrong with it until it ends."""
    serial, network = rtu(answer(request)), tcp(answer(request))
    assert not any(rtu_fault(serial[:end], request) for end in range(len(serial) + 1))
    assert not any(tcp_fault(network[:end], request, TRANSACTION) for end in range(len(network) + 1))


@given(request=REQUESTS, code=st.integers(1, 11))
def test_an_exception_is_an_answer(request: Request, code: int) -> None:
    """A refusal by the right unit to the right function passes."""
    body = bytes([request.unit, request.function_code | 0x80, code])
    assert rtu_fault(rtu(body), request) is None
    assert tcp_fault(tcp(body), request, TRANSACTION) is None


@given(request=REQUESTS, other=REQUESTS)
def test_the_answer_to_another_request_is_none(request: Request, other: Request) -> None:
    """An answer passes only if unit, function and number of words are those asked for."""
    assert (rtu_fault(rtu(answer(other)), request) is None) == (request == other)
    assert (tcp_fault(tcp(answer(other)), request, TRANSACTION) is None) == (request == other)


@given(request=REQUESTS, position=st.integers(0, 254), bit=st.integers(0, 7))
def test_a_flipped_bit_on_the_line_is_noticed(request: Request, position: int, bit: int) -> None:
    """No single wrong bit in a serial answer goes through: it is a fault, or a frame that stays incomplete."""
    frame = bytearray(rtu(answer(request)))
    position %= len(frame)
    frame[position] ^= 1 << bit
    fault = rtu_fault(bytes(frame), request)
    assert fault is not None
    assert position != len(frame) - 1 or "check sum" in fault


@given(request=REQUESTS, surplus=st.binary(min_size=1, max_size=8))
def test_surplus_octets_are_a_fault(request: Request, surplus: bytes) -> None:
    """An answer with something glued to it, or an echo before it, is none."""
    assert rtu_fault(rtu(answer(request)) + surplus, request) is not None
    assert tcp_fault(tcp(answer(request)) + surplus, request, TRANSACTION) is not None


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
