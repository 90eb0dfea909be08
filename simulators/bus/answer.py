"""What one meter answers to one request, as protocol data units: no framing, no line."""

from __future__ import annotations

import struct
from typing import Protocol

from simulators.image import ExceptionCode

REPORT_SERVER_ID = 17
READ_DEVICE_IDENTIFICATION = 43
_MEI_IDENTIFICATION = 14
_BASIC_STREAM = 1
_BASIC_OBJECTS = 3
_IDENTIFICATION_PDU = 4
ERROR_BIT = 0x80
_READS = (3, 4)
_READ_PDU = 5


class BusMeter(Protocol):
    """What answers on a bus: `simulators.meter.SimulatedMeter`, or a test's own."""

    def read(self, function_code: int, address: int, count: int, at_ms: int) -> tuple[int, ...] | ExceptionCode:
        """Return the words at `at_ms` (UTC ms) or the exception."""
        ...

    def report(self) -> bytes | None:
        """Return the content of the answer to function 17, None if it is not supported."""
        ...

    def identification(self) -> dict[int, bytes] | None:
        """Return the basic objects that function 43/14 answers, by number; None if it is not supported."""
        ...


def answer(meter: BusMeter, pdu: bytes, at_ms: int) -> bytes | None:
    """Return the meter's reply to a request PDU at `at_ms` (UTC ms); None if the PDU is no request.

    Functions 3 and 4 read words, 17 and 43 say who the meter is where it can; all else is exception 1
    (MODBUS Application Protocol Specification V1.1b3, sections 6 and 7).
    """
    function_code = pdu[0]
    if function_code & ERROR_BIT:
        return None
    result: tuple[int, ...] | ExceptionCode = ExceptionCode.ILLEGAL_FUNCTION
    if function_code in _READS:
        if len(pdu) != _READ_PDU:
            return refusal(function_code, ExceptionCode.ILLEGAL_DATA_VALUE)
        address, count = struct.unpack_from(">HH", pdu, 1)
        result = meter.read(function_code, address, count, at_ms)
    elif function_code == REPORT_SERVER_ID and (report := meter.report()) is not None:
        return bytes((REPORT_SERVER_ID, len(report))) + report
    elif function_code == READ_DEVICE_IDENTIFICATION and (objects := meter.identification()) is not None:
        return _identify(pdu, objects)
    if isinstance(result, ExceptionCode):
        return refusal(function_code, result)
    return struct.pack(f">BB{len(result)}H", function_code, 2 * len(result), *result)


def _identify(pdu: bytes, objects: dict[int, bytes]) -> bytes:
    """Return the objects from the one asked for on (V1.1b3, section 6.21); basic identification as a stream alone."""
    if len(pdu) != _IDENTIFICATION_PDU or pdu[1:3] != bytes((_MEI_IDENTIFICATION, _BASIC_STREAM)):
        return refusal(READ_DEVICE_IDENTIFICATION, ExceptionCode.ILLEGAL_DATA_VALUE)
    # An object that is not there restarts the stream, as the specification has it.
    first = pdu[3] if pdu[3] in objects else 0
    shown = {number: text for number, text in sorted(objects.items()) if first <= number < _BASIC_OBJECTS}
    head = bytes((READ_DEVICE_IDENTIFICATION, _MEI_IDENTIFICATION, _BASIC_STREAM, 1, 0, 0, len(shown)))
    return head + b"".join(bytes((number, len(text))) + text for number, text in shown.items())


def refusal(function_code: int, code: int) -> bytes:
    """Return the reply PDU that refuses a request of this function with a Modbus exception code."""
    return bytes((function_code | ERROR_BIT, code))
