"""Is this the answer to the request just sent? Judged on the octets as they arrive, before any library reads them.

Modbus Application Protocol V1.1b3 (clauses 6.3, 6.4, 7), Modbus over Serial Line V1.02 (clause 2.5.1) and Modbus
Messaging on TCP/IP V1.0b (clause 3.1.3). A serial reply carries no address and no number: unit, function, length and
check sum are all there is to tell a reply from a late one, an echo or another master's talk, so all are insisted on.
"""

from __future__ import annotations

from dataclasses import dataclass

_EXCEPTION_BIT = 0x80
_RTU_OVERHEAD = 5
_MBAP_LENGTH = 7
_MODBUS_PROTOCOL = b"\0\0"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: the unit, the function code (3 or 4) and the number of words."""

    unit: int
    function_code: int
    count: int


def rtu_fault(octets: bytes, request: Request) -> str | None:
    """Return what is wrong with a serial reply, complete or not; None while nothing is."""
    if not octets:
        return None
    if octets[0] != request.unit:
        return f"a reply from unit {octets[0]} instead of unit {request.unit}"
    if (fault := _body_fault(octets[1:3], request)) is not None:
        return fault
    length = _RTU_OVERHEAD + (2 * request.count if len(octets) > 1 and octets[1] == request.function_code else 0)
    if len(octets) > length:
        return f"{len(octets)} octets where a reply has {length}"
    if len(octets) == length and crc16(octets) != 0:
        return "a reply with a wrong check sum"
    return None


def tcp_fault(octets: bytes, request: Request, transaction: bytes) -> str | None:
    """Return what is wrong with a TCP reply, complete or not; None while nothing is.

    `transaction` is the number in the first two octets of the request.
    """
    if len(octets) <= _MBAP_LENGTH:
        return None
    is_exception = octets[7] == request.function_code | _EXCEPTION_BIT
    length = 3 + (0 if is_exception else 2 * request.count)
    if octets[0:4] != transaction + _MODBUS_PROTOCOL:
        return f"a reply to transaction and protocol {octets[0:4].hex()} instead of {transaction.hex()}0000"
    if octets[6] != request.unit:
        return f"a reply from unit {octets[6]} instead of unit {request.unit}"
    if (fault := _body_fault(octets[7:9], request)) is not None:
        return fault
    if int.from_bytes(octets[4:6], "big") != length or len(octets) > length + _MBAP_LENGTH - 1:
        return f"a reply whose length is not that of {request.count} words"
    return None


def _body_fault(body: bytes, request: Request) -> str | None:
    """Judge function code and byte count, as far as they have come."""
    if not body:
        return None
    if body[0] == request.function_code | _EXCEPTION_BIT:
        return None
    if body[0] != request.function_code:
        return f"function {body[0]} instead of {request.function_code}"
    if len(body) > 1 and body[1] != 2 * request.count:
        return f"{body[1]} octets of words instead of {2 * request.count}"
    return None


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
