"""Is this the answer to the request just sent? Judged on the octets as they arrive, before any library reads them.

Modbus over Serial Line V1.02 (clauses 2.5.1 RTU and 2.5.2 ASCII) and Modbus Messaging on TCP/IP V1.0b (clause 3.1.3);
the body inside is judged by `requests`. A serial reply carries no address and no number: unit, function, length and
check sum are all there is to tell a reply from a late one, an echo or another master's talk, so all are insisted on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.metering.requests import body_fault, body_length

if TYPE_CHECKING:
    from edge.metering.requests import Request

WRONG_CHECK_SUM = "a reply with a wrong check sum"
_RTU_OVERHEAD = 3
_ASCII_OVERHEAD = 2
_MBAP_LENGTH = 7
_MODBUS_PROTOCOL = b"\0\0"
_ASCII_START = b":"
_ASCII_END = b"\r\n"
_HEX_DIGITS = frozenset(b"0123456789ABCDEFabcdef")


def rtu_fault(octets: bytes, request: Request) -> str | None:
    """Return what is wrong with an RTU reply, complete or not; None while nothing is."""
    if (fault := _unit_fault(octets[:1], request) or body_fault(octets[1:], request)) is not None:
        return fault
    length = body_length(octets[1:], request)
    if length is None or len(octets) < length + _RTU_OVERHEAD:
        return None
    if len(octets) > length + _RTU_OVERHEAD:
        return f"{len(octets)} octets where a reply has {length + _RTU_OVERHEAD}"
    return WRONG_CHECK_SUM if crc16(octets) else None


def rtu_body(octets: bytes, request: Request) -> bytes | None:
    """Return the body of an RTU reply without fault, None while it is incomplete."""
    return _whole(octets[1:], request, len(octets) - _RTU_OVERHEAD)


def ascii_fault(octets: bytes, request: Request) -> str | None:
    """Return what is wrong with an ASCII reply, complete or not; None while nothing is."""
    if octets and octets[:1] != _ASCII_START:
        return f"a reply that begins with {octets[:1]!r} instead of ':'"
    frame = _from_hex(octets)
    if (fault := _unit_fault(frame[:1], request) or body_fault(frame[1:], request)) is not None:
        return fault
    length = body_length(frame[1:], request)
    digits = len(octets) - 1 if length is None else 2 * (length + _ASCII_OVERHEAD)
    if not _HEX_DIGITS.issuperset(octets[1 : 1 + digits]):
        return "a reply with characters that are no hexadecimal digits"
    if length is not None and len(octets) > digits and sum(frame[: length + _ASCII_OVERHEAD]) % 256:
        return WRONG_CHECK_SUM
    return None if _ASCII_END.startswith(octets[1 + digits :]) else "a reply that does not end where its length says"


def ascii_body(octets: bytes, request: Request) -> bytes | None:
    """Return the body of an ASCII reply without fault, None while it is incomplete."""
    return _whole(_from_hex(octets)[1:], request, (len(octets) - 1 - len(_ASCII_END)) // 2 - _ASCII_OVERHEAD)


def tcp_fault(octets: bytes, request: Request, transaction: bytes) -> str | None:
    """Return what is wrong with a TCP reply, complete or not; None while nothing is.

    `transaction` is the number in the first two octets of the request.
    """
    if len(octets) <= _MBAP_LENGTH:
        return None
    if octets[0:4] != transaction + _MODBUS_PROTOCOL:
        return f"a reply to transaction and protocol {octets[0:4].hex()} instead of {transaction.hex()}0000"
    body = octets[_MBAP_LENGTH:]
    if (fault := _unit_fault(octets[6:7], request) or body_fault(body, request)) is not None:
        return fault
    length, stated = body_length(body, request), int.from_bytes(octets[4:6], "big") - 1
    if len(body) >= stated if length is None else stated != length or len(body) > length:
        return f"a reply whose length is not that of {request.what}"
    return None


def tcp_body(octets: bytes, request: Request) -> bytes | None:
    """Return the body of a TCP reply without fault, None while it is incomplete."""
    return _whole(octets[_MBAP_LENGTH:], request, len(octets) - _MBAP_LENGTH)


def _unit_fault(unit: bytes, request: Request) -> str | None:
    if unit and unit[0] != request.unit:
        return f"a reply from unit {unit[0]} instead of unit {request.unit}"
    return None


def _whole(body: bytes, request: Request, octets: int) -> bytes | None:
    """Return as much of `body` as it should have, None unless so many `octets` of it and all behind it have come."""
    length = body_length(body, request)
    return body[:length] if length is not None and octets == length else None


def _from_hex(octets: bytes) -> bytes:
    """Return the octets that the pairs of digits behind the colon stand for, up to the first that is none."""
    frame = bytearray()
    for place in range(1, len(octets) - 1, 2):
        pair = octets[place : place + 2]
        if not _HEX_DIGITS.issuperset(pair):
            break
        frame.append(int(pair, 16))
    return bytes(frame)


def _crc_table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        remainder = octet
        for _ in range(8):
            remainder = remainder >> 1 ^ (0xA001 if remainder & 1 else 0)
        table.append(remainder)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc16(octets: bytes) -> int:
    """Return the CRC of Modbus over Serial Line V1.02, clause 6.2.2; over a frame with its own CRC it is 0."""
    remainder = 0xFFFF
    for octet in octets:
        remainder = remainder >> 8 ^ _CRC_TABLE[(remainder ^ octet) & 0xFF]
    return remainder
