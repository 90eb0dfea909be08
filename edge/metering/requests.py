"""What a master may ask a meter, and what the body of the answer (function code and what follows) must be.

Modbus Application Protocol V1.1b3: clauses 6.3 and 6.4 (words), 6.13 (server id), 6.21 (device identification), 7
(exceptions). All of them read: there is no request here that changes a meter.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

READ_HOLDING = 3
READ_INPUT = 4
REPORT_SERVER_ID = 17
READ_DEVICE_IDENTIFICATION = 43
BODY_OCTETS_MAX = 253
EXCEPTION_BIT = 0x80
_DEVICE_IDENTIFICATION = 14
_BASIC = 1
_OBJECTS_AT = 7


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: the unit, the function code, and of words the first one and their number.

    For device identification `address` is the number of the first object wanted.
    """

    unit: int
    function_code: int
    count: int = 0
    address: int = 0

    @property
    def what(self) -> str:
        """What was asked for, as a part of a sentence."""
        if self.function_code == REPORT_SERVER_ID:
            return "its server id"
        if self.function_code == READ_DEVICE_IDENTIFICATION:
            return "its device identification"
        return f"words {self.address} to {self.address + self.count - 1}"


def body_fault(body: bytes, request: Request) -> str | None:
    """Return what is wrong with a body as far as it has come, None while nothing is. Whatever follows it is passed."""
    if not body or body[0] == request.function_code | EXCEPTION_BIT:
        return None
    if body[0] != request.function_code:
        return f"function {body[0]} instead of {request.function_code}"
    if request.function_code == READ_DEVICE_IDENTIFICATION:
        return _identification_fault(body)
    if len(body) > 1 and request.function_code != REPORT_SERVER_ID and body[1] != 2 * request.count:
        return f"{body[1]} octets of words instead of {2 * request.count}"
    if len(body) > 1 and not 1 <= body[1] <= BODY_OCTETS_MAX - 2:
        return f"a server id of {body[1]} octets"
    return None


def _identification_fault(body: bytes) -> str | None:
    expected = bytes([READ_DEVICE_IDENTIFICATION, _DEVICE_IDENTIFICATION, _BASIC])
    if not expected.startswith(body[:3]):
        return f"device identification that begins with {body[:3].hex()} instead of {expected.hex()}"
    if len(body) >= _OBJECTS_AT and not body[6]:
        return "device identification without an object"
    length = _identification_length(body)
    if (len(body) if length is None else length) > BODY_OCTETS_MAX:
        return "device identification that is longer than a reply may be"
    return None


def body_length(body: bytes, request: Request) -> int | None:
    """Return how many octets a body without fault has in the end; None while too little of it has come to say."""
    if not body:
        return None
    if body[0] == request.function_code | EXCEPTION_BIT:
        return 2
    if request.function_code in (READ_HOLDING, READ_INPUT):
        return 2 + 2 * request.count
    if request.function_code == READ_DEVICE_IDENTIFICATION:
        return _identification_length(body)
    return 2 + body[1] if len(body) > 1 else None


def _identification_length(body: bytes) -> int | None:
    if len(body) < _OBJECTS_AT:
        return None
    length = _OBJECTS_AT
    for _ in range(body[6]):
        if len(body) < length + 2:
            return None
        length += 2 + body[length + 1]
    return length


def body_octets_max(request: Request) -> int:
    """Return how long the body of an answer may be."""
    if request.function_code in (READ_HOLDING, READ_INPUT):
        return 2 + 2 * request.count
    return BODY_OCTETS_MAX


def refusal(body: bytes) -> int | None:
    """Return the exception code of a whole body, None if it is no exception."""
    return body[1] if body[0] & EXCEPTION_BIT else None


def words_of(body: bytes) -> tuple[int, ...]:
    """Return the words of a whole body of function 3 or 4."""
    return struct.unpack(f">{body[1] // 2}H", body[2:])


def server_id_of(body: bytes) -> bytes:
    """Return the octets of a whole body of function 17: whatever the maker put there."""
    return body[2:]


def objects_of(body: bytes) -> tuple[dict[int, bytes], int | None]:
    """Return the objects of a whole body of function 43, and the object to ask for next, None if these were all."""
    objects, place = {}, _OBJECTS_AT
    for _ in range(body[6]):
        number, length = body[place : place + 2]
        objects[number] = body[place + 2 : place + 2 + length]
        place += 2 + length
    return objects, body[5] if body[4] else None
